using System.Text;
using Containerd.Api.Bootstrap;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shim.Commands;

namespace Shim.Tests.Commands;

public sealed class StartAnswerTests
{
    private const string Address = "unix:///run/containerd/s/0123";

    private static readonly BootstrapParams s_parameters = new()
    {
        InstanceId = "web",
        Namespace = "k8s.io",
        LogLevel = LogLevel.Debug,
        ContainerdTtrpcAddress = "/run/containerd/containerd.sock.ttrpc",
        SocketDir = "/run/containerd/s2",
    };

    [Fact]
    public void The_answer_to_empty_standard_input_is_the_plain_address()
    {
        StartAnswer answer = StartAnswer.For([], "web", "k8s.io");
        AssertPlain(answer);
    }

    [Fact]
    public void The_answer_to_parameters_of_this_container_is_a_result()
    {
        StartAnswer answer = StartAnswer.For(s_parameters.ToByteArray(), "web", "k8s.io");
        BootstrapResult result = BootstrapResult.Parser.ParseFrom(answer.With(Address));
        Assert.Equal(new BootstrapResult { Version = 2, Address = Address, Protocol = "ttrpc" }, result);
        Assert.True(answer.Debug);
        Assert.Equal("/run/containerd/s2", answer.SocketDirectory);
        Assert.Equal("/run/containerd/containerd.sock.ttrpc", answer.TtrpcAddress);
    }

    [Theory]
    [InlineData("other", "k8s.io")]
    [InlineData("web", "default")]
    [InlineData("", "")]
    public void Parameters_of_another_container_are_ignored(string id, string @namespace)
    {
        AssertPlain(StartAnswer.For(s_parameters.ToByteArray(), id, @namespace));
    }

    [Fact]
    public void Runtime_options_that_parse_as_parameters_are_ignored()
    {
        byte[] options = new Any
        {
            TypeUrl = "runtimeoptions.v1.Options",
            Value = new Containerd.Api.RuntimeOptions.Options { ConfigPath = "/etc/runsc.toml" }.ToByteString(),
        }.ToByteArray();
        // They parse because both messages begin with two string fields.
        Assert.Equal("runtimeoptions.v1.Options", BootstrapParams.Parser.ParseFrom(options).InstanceId);
        StartAnswer answer = StartAnswer.For(options, "web", "k8s.io");
        AssertPlain(answer);
        Assert.Equal("runtimeoptions.v1.Options", answer.Options!.TypeUrl);
    }

    /// <summary>The length of a long one is no valid UTF-8, which parameters would have there.</summary>
    [Theory]
    [InlineData(100)]
    [InlineData(200)]
    [InlineData(20_000)]
    public void Runtime_options_may_hold_a_configuration_of_any_length(int length)
    {
        var options = new Any
        {
            TypeUrl = "runtimeoptions.v1.Options",
            Value = new Containerd.Api.RuntimeOptions.Options
            {
                ConfigBody = ByteString.CopyFromUtf8(new string('#', length)),
            }.ToByteString(),
        };
        StartAnswer answer = StartAnswer.For(options.ToByteArray(), "web", "k8s.io");
        AssertPlain(answer);
        Assert.Equal(options, answer.Options);
    }

    [Theory]
    [InlineData("runtimeoptions.v1.Options", true)]
    [InlineData("type.googleapis.com/runtimeoptions.v1.Options", true)]
    [InlineData("another.v1.Extension", false)]
    public void Runtime_options_are_one_of_the_extensions(string type, bool are)
    {
        BootstrapParams parameters = s_parameters.Clone();
        parameters.Extensions.Add(new Containerd.Api.Bootstrap.Extension());
        foreach (string each in (string[])["first.v1.Extension", type])
            parameters.Extensions.Add(new Containerd.Api.Bootstrap.Extension { Value = new Any { TypeUrl = each } });
        StartAnswer answer = StartAnswer.For(parameters.ToByteArray(), "web", "k8s.io");
        Assert.Equal(are ? type : null, answer.Options?.TypeUrl);
    }

    [Theory]
    [InlineData(new byte[] { 0xff, 0xff, 0xff })]
    [InlineData(new byte[] { 0x0a, 0x7f, 0x77 })]
    [InlineData(new byte[] { 0x0a, 0x02, 0xc3, 0x28 })]
    public void Invalid_input_is_ignored(byte[] input) => AssertPlain(StartAnswer.For(input, "web", "k8s.io"));

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("relative")]
    public void A_socket_directory_that_is_not_absolute_is_ignored(string directory)
    {
        BootstrapParams parameters = s_parameters.Clone();
        parameters.SocketDir = directory;
        Assert.Null(StartAnswer.For(parameters.ToByteArray(), "web", "k8s.io").SocketDirectory);
        parameters.ClearSocketDir();
        Assert.Null(StartAnswer.For(parameters.ToByteArray(), "web", "k8s.io").SocketDirectory);
    }

    [Theory]
    [InlineData(LogLevel.Trace, true)]
    [InlineData(LogLevel.Debug, true)]
    [InlineData(LogLevel.Info, false)]
    [InlineData(LogLevel.Error, false)]
    public void Log_levels_below_info_mean_debug(LogLevel level, bool debug)
    {
        BootstrapParams parameters = s_parameters.Clone();
        parameters.LogLevel = level;
        Assert.Equal(debug, StartAnswer.For(parameters.ToByteArray(), "web", "k8s.io").Debug);
    }

    private static void AssertPlain(StartAnswer answer)
    {
        Assert.Equal(Address, Encoding.UTF8.GetString(answer.With(Address)));
        Assert.False(answer.Debug);
        Assert.Null(answer.SocketDirectory);
        Assert.Equal("", answer.TtrpcAddress);
    }
}
