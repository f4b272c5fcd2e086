namespace Testing;

/// <summary>What a test needs of the machine. A test that lacks it is skipped, with the reason.</summary>
public static class Requires
{
    /// <summary>Skips the test unless it runs as root.</summary>
    /// <param name="act">What only root may do: "mounting".</param>
    public static void Root(string act) => Assert.SkipUnless(Environment.IsPrivilegedProcess, $"{act} needs root");

    /// <summary>Skips the test unless the newest containerd is of this release or later.</summary>
    /// <param name="what">What only such a containerd does.</param>
    /// <returns>That containerd: one of <see cref="Tools.ContainerdVersions"/>.</returns>
    public static string Containerd(int major, int minor, string what)
    {
        string version = Tools.NewestContainerd;
        Tool($"containerd {version}", Tools.Containerd(version));
        Assert.SkipUnless(
            ContainerdRelease.Of(version).IsAtLeast(major, minor), $"{what} needs containerd {major}.{minor}");
        return version;
    }

    /// <summary>Skips the test unless a program that <c>build.sh tools</c> unpacks is there.</summary>
    /// <param name="what">Its name.</param>
    /// <param name="path">Its file or directory.</param>
    public static void Tool(string what, string path) =>
        Assert.SkipUnless(Path.Exists(path), $"{what} is missing: ./build.sh tools");
}
