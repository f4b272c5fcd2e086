using Shim.Commands;
using Shim.Explain;

namespace Shim.Tests.Explain;

/// <summary>What is refused before anything is printed.</summary>
public sealed class ExplainCommandTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("""{"a":"1"}""", "explain: flag --pod-uid is needed: FILE is no Pod with a uid")]
    [InlineData("""{"metadata":{"uid":"../\u001b"}}""",
        "explain: flag --annotations: FILE has a Pod whose uid ../\\u001b is none")]
    [InlineData("""{"a\u001b":1}""", "explain: flag --annotations: FILE: annotation a\\u001b is not a string")]
    public void A_file_that_is_of_no_use(string content, string message)
    {
        string file = _directory.Write("file", content);
        Assert.Equal(message.Replace("FILE", file, StringComparison.Ordinal),
            Assert.Throws<UsageException>(() => Run("--annotations", file)).Message);
    }

    [Fact]
    public void A_file_that_cannot_be_read()
    {
        Assert.StartsWith($"explain: flag --annotations: {_directory["none"]}: ",
            Assert.Throws<UsageException>(() => Run("--annotations", _directory["none"])).Message);
        Assert.StartsWith($"explain: flag --annotations: {_directory.Path}: ",
            Assert.Throws<UsageException>(() => Run("--annotations", _directory.Path)).Message);
    }

    private int Run(params string[] arguments) =>
        ExplainCommand.Run([.. arguments, "--config", _directory.Write("config.toml", "")]);
}
