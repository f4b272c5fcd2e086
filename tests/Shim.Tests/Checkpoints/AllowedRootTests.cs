using Shim.Checkpoints;

namespace Shim.Tests.Checkpoints;

/// <summary>Below which directory a pod's annotations may name images.</summary>
public sealed class AllowedRootTests
{
    [Theory]
    [InlineData("/images", null, "/images")]
    [InlineData("/images", "default", "/images")]
    [InlineData("/images/%NAMESPACE%", "kube-system", "/images/kube-system")]
    [InlineData("/%NAMESPACE%/images/%NAMESPACE%", "a1", "/a1/images/a1")]
    public void The_directory(string root, string? podNamespace, string path) =>
        Assert.Equal(path, new AllowedRoot("restore_root", root, podNamespace).Path);

    [Theory]
    [InlineData("", "default", "the shim's configuration has no restore_root that allows it")]
    [InlineData("/images/%NAMESPACE%", null, "is not of one")]
    [InlineData("/images/%NAMESPACE%", "", "is not of one")]
    [InlineData("/images/%NAMESPACE%", "..", "is not of one")]
    [InlineData("/images/%NAMESPACE%", "a/b", "is not of one")]
    [InlineData("/images/%NAMESPACE%", "A", "is not of one")]
    [InlineData("/images/%NAMESPACE%", "%NAMESPACE%", "is not of one")]
    public void None(string root, string? podNamespace, string why)
    {
        var allowed = new AllowedRoot("restore_root", root, podNamespace);
        Assert.Null(allowed.Path);
        Assert.Contains(why, allowed.WhyNone, StringComparison.Ordinal);
    }
}
