namespace Linux;

/// <summary>Reads what a group uses, and its memory limit. A file may be missing: the controller is not mounted or
/// not enabled, or the group was just removed.</summary>
public static class CgroupReader
{
    private const ulong NanosecondsPerMicrosecond = 1000;

    /// <summary>The memory limit in bytes. Without a limit it is a huge number, without the file
    /// <see cref="ulong.MaxValue"/>.</summary>
    /// <exception cref="LinuxException">The file exists and cannot be read.</exception>
    public static ulong MemoryLimit(Cgroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return (group.Mode == CgroupMode.Unified
            ? NumberIn(group.UnifiedDirectory, "memory.max")
            : NumberIn(group.DirectoryOf("memory"), "memory.limit_in_bytes")) ?? ulong.MaxValue;
    }

    /// <summary>The processor time in nanoseconds; null if no controller accounts for it.</summary>
    /// <exception cref="LinuxException">The file exists and cannot be read.</exception>
    public static ulong? CpuUsage(Cgroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        if (group.Mode != CgroupMode.Unified)
            return NumberIn(group.DirectoryOf("cpuacct"), "cpuacct.usage");
        return TextIn(group.UnifiedDirectory, "cpu.stat") is { } text
            ? Counters.Parse(text)["usage_usec"] * NanosecondsPerMicrosecond
            : null;
    }

    /// <summary>The memory in use, in bytes; null if no controller accounts for it.</summary>
    /// <exception cref="LinuxException">The file exists and cannot be read.</exception>
    public static ulong? MemoryUsage(Cgroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return group.Mode == CgroupMode.Unified
            ? NumberIn(group.UnifiedDirectory, "memory.current")
            : NumberIn(group.DirectoryOf("memory"), "memory.usage_in_bytes");
    }

    /// <summary>The number of processes and threads; null if no controller counts them.</summary>
    /// <exception cref="LinuxException">The file exists and cannot be read.</exception>
    public static ulong? Pids(Cgroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return NumberIn(
            group.Mode == CgroupMode.Unified ? group.UnifiedDirectory : group.DirectoryOf("pids"), "pids.current");
    }

    private static string? TextIn(string? directory, string file) =>
        directory is null ? null : SmallFile.TryReadText($"{directory}/{file}");

    private static ulong? NumberIn(string? directory, string file) =>
        TextIn(directory, file) is { } text ? CgroupText.Number(text) : null;
}
