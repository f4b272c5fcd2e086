using Linux;

namespace Shim.Oci;

/// <summary>
/// The cgroup of a pod's sandbox: the pod's, not the pause container's below it, because the whole pod runs in the
/// sandbox.
/// </summary>
internal static class CgroupParent
{
    /// <summary>The annotation that tells runsc the cgroup.</summary>
    public const string Annotation = "dev.gvisor.spec.cgroup-parent";

    /// <summary>
    /// <paramref name="cgroupsPath"/> up to and including its last component that begins with <c>pod</c>; null if there
    /// is none, or if it is the last component.
    /// </summary>
    public static string? Of(string? cgroupsPath)
    {
        if (cgroupsPath is null)
            return null;
        string path = cgroupsPath.TrimEnd('/');
        for (int end = path.Length; end > 0;)
        {
            int slash = path.LastIndexOf('/', end - 1);
            if (path.AsSpan(slash + 1, end - slash - 1).StartsWith("pod"))
                return end == path.Length ? null : path[..end];
            end = slash;
        }
        return null;
    }

    /// <summary>
    /// Whether a cgroup is a kubelet's for a pod, or below one: <c>pod</c> and its uid, or with systemd a slice like
    /// <c>kubepods-burstable-podUID.slice</c>.
    /// </summary>
    public static bool IsInPodsCgroup(Cgroup cgroup)
    {
        ReadOnlySpan<char> rest = cgroup.MemoryDirectory;
        foreach (Range range in rest.Split('/'))
        {
            ReadOnlySpan<char> part = rest[range];
            // With colons it is the name of a unit, of which runsc without systemd-cgroup makes a directory.
            if (part.Contains(':'))
                continue;
            if (part.StartsWith("pod") && IsUid(part[3..]))
                return true;
            int name = part.LastIndexOf("-pod");
            if (name >= 0 && part.EndsWith(".slice") && IsUid(part[(name + 4)..^6]))
                return true;
        }
        return false;
    }

    /// <summary>Of a pod, or the hash of a static one; in slices with underscores.</summary>
    private static bool IsUid(ReadOnlySpan<char> text)
    {
        foreach (char each in text)
            if (!char.IsAsciiHexDigitLower(each) && each is not ('-' or '_'))
                return false;
        return !text.IsEmpty;
    }
}
