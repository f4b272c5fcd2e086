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
}
