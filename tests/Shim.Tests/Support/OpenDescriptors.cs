namespace Shim.Tests.Support;

/// <summary>This process's open descriptors.</summary>
internal static class OpenDescriptors
{
    /// <summary>What each is open on.</summary>
    public static List<string> Targets()
    {
        List<string> targets = [];
        foreach (FileSystemInfo link in new DirectoryInfo("/proc/self/fd").EnumerateFileSystemInfos())
            if (link.LinkTarget is { } target)
                targets.Add(target);
        return targets;
    }

    /// <summary>Does something twice: the runtime opens files of its own the first time.</summary>
    public static void AssertNoneLeftBy(Action act)
    {
        act();
        List<string> before = Targets();
        act();
        List<string> after = Targets();
        Assert.True(before.Count == after.Count,
            $"{after.Count - before.Count} descriptors more:\n{string.Join('\n', after.Except(before))}");
    }
}
