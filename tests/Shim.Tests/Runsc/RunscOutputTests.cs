using System.Text;
using Shim.Runsc;

namespace Shim.Tests.Runsc;

public sealed class RunscOutputTests
{
    [Theory]
    [InlineData("{\"a\":1}\n", "{\"a\":1}\n")]
    [InlineData("loading\nmore {x}\n{\n  \"a\": {}\n}\n", "{\n  \"a\": {}\n}\n")]
    [InlineData("nothing\n", "nothing\n")]
    [InlineData("", "")]
    [InlineData("\n\n{", "{")]
    public void The_object_is_found_after_a_wrappers_lines(string output, string json) => Assert.Equal(json,
        Encoding.UTF8.GetString(RunscOutput.Json(Encoding.UTF8.GetBytes(output)).Span));

    [Theory]
    [InlineData("runsc version release-1\nspec: 1.1.0\n", "release-1")]
    [InlineData("module load: ok\nrunsc version release-1\nspec: 1.1.0\n", "release-1")]
    [InlineData("own build\n", "own build")]
    [InlineData("", "")]
    public void The_version_is_found_after_a_wrappers_lines(string output, string version) =>
        Assert.Equal(version, RunscVersion.Parse(RunscVersion.Lines(Encoding.UTF8.GetBytes(output))));
}
