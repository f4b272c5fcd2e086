namespace Shim.Oci;

/// <summary>
/// The cgroup of a pod's sandbox: the pod's, and not the pause container's below it, since all of the pod runs in the
/// sandbox.
/// </summary>
internal static class CgroupParent
{
    /// <summary>The annotation for runsc.</summary>
    public const string Annotation = "dev.gvisor.spec.cgroup-parent";

    /// <summary>
    /// <paramref name="cgroupsPath"/> up to and with its last part that begins with <c>pod</c>; null if there is no
    /// such part, or if it is the last one anyway.
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
