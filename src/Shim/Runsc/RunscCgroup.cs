using Linux;

namespace Shim.Runsc;

/// <summary>The cgroup that runsc makes for a container, as the specification names it.</summary>
/// <remarks>
/// Kubelet's systemd driver names <c>SLICE:PREFIX:NAME</c>. With <c>systemd-cgroup</c> runsc has systemd make the unit
/// <c>PREFIX-NAME.scope</c>; without, it takes the text for the name of a directory. A path that does not begin with a
/// slash is below the cgroup of runsc itself, which is the shim's.
/// </remarks>
internal static class RunscCgroup
{
    private const string Slice = ".slice";

    /// <summary>Finds it.</summary>
    /// <param name="hierarchies">The node's cgroups.</param>
    /// <param name="cgroupsPath">The specification's <c>linux.cgroupsPath</c>.</param>
    /// <returns>Null if the container has none.</returns>
    /// <exception cref="LinuxException">EINVAL: the path contains "..". Or /proc cannot be read.</exception>
    public static Cgroup? Find(CgroupHierarchies hierarchies, string? cgroupsPath)
    {
        if (cgroupsPath is not { Length: > 0 })
            return null;
        Cgroup named = cgroupsPath[0] == '/' ? Cgroup.AtPath(hierarchies, cgroupsPath)
            : Cgroup.OfProcess(hierarchies, Environment.ProcessId).Below(cgroupsPath);
        if (named.Exists)
            return named;
        return UnitOf(cgroupsPath) is { } unit && Cgroup.AtPath(hierarchies, unit) is { Exists: true } scope
            ? scope : null;
    }

    /// <summary>
    /// The path of the unit that <c>SLICE:PREFIX:NAME</c> names; null for other texts. A dash in a slice's name stands
    /// for a step down: <c>a-b.slice</c> is in <c>a.slice</c> (systemd.slice(5)).
    /// </summary>
    internal static string? UnitOf(string cgroupsPath)
    {
        if (cgroupsPath.Split(':') is not [var slice, var prefix, { Length: > 0 } name]
            || !slice.EndsWith(Slice, StringComparison.Ordinal))
            return null;
        string path = "";
        string stem = slice[..^Slice.Length];
        for (int dash = stem.IndexOf('-', StringComparison.Ordinal); dash > 0;
            dash = stem.IndexOf('-', dash + 1))
            path += $"/{stem[..dash]}{Slice}";
        string unit = name.EndsWith(Slice, StringComparison.Ordinal) ? name
            : prefix.Length > 0 ? $"{prefix}-{name}.scope" : $"{name}.scope";
        return $"{path}/{slice}/{unit}";
    }
}
