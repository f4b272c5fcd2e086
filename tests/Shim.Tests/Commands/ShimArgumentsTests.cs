using Shim.Commands;

namespace Shim.Tests.Commands;

public sealed class ShimArgumentsTests
{
    private static ShimArguments Parse(params string[] arguments) => ShimArguments.Parse(arguments);

    [Fact]
    public void The_arguments_that_containerd_passes_to_start()
    {
        Assert.Equal(
            new ShimArguments
            {
                Action = ShimAction.Start,
                Namespace = "k8s.io",
                Address = "/run/containerd/containerd.sock",
                PublishBinary = "/usr/bin/containerd",
                Id = "web",
                Debug = true,
            },
            Parse("-namespace", "k8s.io", "-address", "/run/containerd/containerd.sock",
                "-publish-binary", "/usr/bin/containerd", "-id", "web", "-debug", "start"));
    }

    [Fact]
    public void The_arguments_that_containerd_passes_to_delete()
    {
        Assert.Equal(
            new ShimArguments
            {
                Action = ShimAction.Delete,
                Namespace = "default",
                Id = "web",
                Bundle = "/run/b/default/web",
            },
            Parse("-namespace", "default", "-id", "web", "-bundle", "/run/b/default/web", "delete"));
    }

    [Theory]
    [InlineData("-id web -namespace n -socket /s")]
    [InlineData("--id web --namespace n --socket /s")]
    [InlineData("-id=web -namespace=n -socket=/s")]
    [InlineData("--id=web --namespace n -socket=/s")]
    [InlineData("-socket /s --namespace=n -id web")]
    [InlineData("-id other -id web -namespace n -socket /s")]
    [InlineData("-id web -namespace n -socket /s --")]
    public void Flags_may_have_one_dash_or_two_an_equals_sign_and_any_order(string line)
    {
        Assert.Equal(new ShimArguments { Id = "web", Namespace = "n", Socket = "/s" }, Parse(line.Split(' ')));
    }

    [Fact]
    public void A_value_may_look_like_a_flag_or_be_empty()
    {
        Assert.Equal("a=b", Parse("-id=a=b").Id);
        Assert.Equal("-x", Parse("-id", "-x").Id);
        Assert.Equal("", Parse("-address", "").Address);
        Assert.Equal("", Parse("-address=").Address);
    }

    [Theory]
    [InlineData("", ShimAction.Serve)]
    [InlineData("start", ShimAction.Start)]
    [InlineData("delete", ShimAction.Delete)]
    [InlineData("help", ShimAction.Help)]
    [InlineData("-h", ShimAction.Help)]
    [InlineData("--help", ShimAction.Help)]
    [InlineData("-v", ShimAction.Version)]
    [InlineData("-version", ShimAction.Version)]
    [InlineData("--version", ShimAction.Version)]
    [InlineData("-v=false", ShimAction.Serve)]
    [InlineData("-info", ShimAction.Info)]
    [InlineData("-- start", ShimAction.Start)]
    internal void Actions(string line, ShimAction action)
    {
        Assert.Equal(action, Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Action);
    }

    [Theory]
    [InlineData("-debug", true)]
    [InlineData("-debug=true", true)]
    [InlineData("-debug=True", true)]
    [InlineData("-debug=TRUE", true)]
    [InlineData("-debug=t", true)]
    [InlineData("-debug=T", true)]
    [InlineData("-debug=1", true)]
    [InlineData("-debug=false", false)]
    [InlineData("-debug=False", false)]
    [InlineData("-debug=FALSE", false)]
    [InlineData("-debug=f", false)]
    [InlineData("-debug=F", false)]
    [InlineData("-debug=0", false)]
    [InlineData("-debug -debug=0", false)]
    public void Booleans_in_the_spellings_of_Go(string line, bool debug)
    {
        Assert.Equal(debug, Parse(line.Split(' ')).Debug);
    }

    [Theory]
    [InlineData("-frob", "unknown flag -frob")]
    [InlineData("--frob=1", "unknown flag -frob")]
    [InlineData("-id", "flag -id needs a value")]
    [InlineData("-namespace n --bundle", "flag --bundle needs a value")]
    [InlineData("-debug=maybe", "flag -debug=maybe: not a boolean")]
    [InlineData("stop", "unknown action stop; use start, delete, or none to serve")]
    [InlineData("start -debug", "unexpected argument -debug after start")]
    [InlineData("-debug true start", "unexpected argument start after true")]
    [InlineData("-", "unknown action -; use start, delete, or none to serve")]
    public void Parse_names_an_invalid_argument(string line, string message)
    {
        Assert.Equal(message, Assert.Throws<UsageException>(() => Parse(line.Split(' '))).Message);
    }
}
