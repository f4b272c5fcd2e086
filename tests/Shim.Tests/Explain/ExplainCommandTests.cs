using Shim.Commands;
using Shim.Explain;

namespace Shim.Tests.Explain;

/// <summary>Errors in the file of annotations.</summary>
public sealed class ExplainCommandTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("""{"a":"1"}""", "explain: flag --pod-uid is required: FILE is not a Pod with a uid")]
    [InlineData("""{"metadata":{"uid":"../\u001b"}}""",
        "explain: flag --annotations: FILE: invalid uid ../\\u001b of the Pod")]
    [InlineData("""{"a\u001b":1}""", "explain: flag --annotations: FILE: annotation a\\u001b is not a string")]
    public void A_file_without_a_valid_pod_is_rejected(string content, string message)
    {
        string file = _directory.Write("file", content);
        Assert.Equal(message.Replace("FILE", file, StringComparison.Ordinal),
            Assert.Throws<UsageException>(() => Run("--annotations", file)).Message);
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_rejected()
    {
        Assert.StartsWith($"explain: flag --annotations: {_directory["none"]}: ",
            Assert.Throws<UsageException>(() => Run("--annotations", _directory["none"])).Message);
        Assert.StartsWith($"explain: flag --annotations: {_directory.Path}: ",
            Assert.Throws<UsageException>(() => Run("--annotations", _directory.Path)).Message);
    }

    private int Run(params string[] arguments) =>
        ExplainCommand.Run([.. arguments, "--config", _directory.Write("config.toml", "")]);
}
