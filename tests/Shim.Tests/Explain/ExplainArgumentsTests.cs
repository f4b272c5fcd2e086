using Shim.Commands;
using Shim.Explain;

namespace Shim.Tests.Explain;

public sealed class ExplainArgumentsTests
{
    private static ExplainArguments Parse(string line) =>
        ExplainArguments.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    [Theory]
    [InlineData("--bundle /b --config /c --json")]
    [InlineData("-bundle /b -config /c -json")]
    [InlineData("--json --config=/c --bundle=/b")]
    [InlineData("--bundle /other --json --config=/c -bundle=/b")]
    public void A_bundle_is_explained(string line)
    {
        Assert.Equal(new ExplainArguments { Bundle = "/b", Config = "/c", Json = true }, Parse(line));
    }

    [Theory]
    [InlineData("--pod-uid 0-a --annotations -", "0-a", "-")]
    [InlineData("--annotations=- --pod-uid=0-a", "0-a", "-")]
    [InlineData("--annotations pod.json", "", "pod.json")]
    public void A_pod_is_explained(string line, string uid, string annotations)
    {
        Assert.Equal(new ExplainArguments { PodUid = uid, Annotations = annotations }, Parse(line));
    }

    [Theory]
    [InlineData("-h")]
    [InlineData("--help")]
    [InlineData("--bundle /b --annotations - --help")]
    public void Help_needs_nothing_else(string line)
    {
        Assert.True(Parse(line).Help);
    }

    [Theory]
    [InlineData("", "explain: flag --bundle or --annotations is required")]
    [InlineData("--json", "explain: flag --bundle or --annotations is required")]
    [InlineData("--pod-uid 0", "explain: flag --pod-uid needs --annotations")]
    [InlineData("--bundle /b --pod-uid 0", "explain: flag --pod-uid cannot be used with --bundle")]
    [InlineData("--bundle /b --annotations -", "explain: flag --annotations cannot be used with --bundle")]
    [InlineData("--annotations - --pod-uid ../x", "explain: flag --pod-uid: ../x is not the uid of a pod")]
    [InlineData("--bundle", "explain: flag --bundle needs a value")]
    [InlineData("--bundle=", "explain: flag --bundle needs a value")]
    [InlineData("--json=true --bundle /b", "explain: flag --json takes no value")]
    [InlineData("--frob=1", "explain: unknown flag --frob")]
    [InlineData("/b", "explain: unexpected argument /b")]
    [InlineData("--bundle /b -", "explain: unexpected argument -")]
    public void Invalid_arguments_are_rejected_by_name(string line, string message)
    {
        Assert.Equal(message, Assert.Throws<UsageException>(() => Parse(line)).Message);
    }

    [Fact]
    public void Explain_must_be_the_first_argument()
    {
        Assert.Equal("explain must be the first argument",
            Assert.Throws<UsageException>(() => ShimArguments.Parse(["-debug", "explain"])).Message);
    }
}
