namespace Linux;

/// <summary>Reads a group's files. A file may be missing: the controller is not mounted or not enabled, or the group
/// was just removed.</summary>
public static class CgroupReader
{
    /// <summary>The memory limit in bytes. Without a limit it is a huge number, without the file
    /// <see cref="ulong.MaxValue"/>.</summary>
    /// <exception cref="LinuxException">The file exists and cannot be read.</exception>
    public static ulong MemoryLimit(Cgroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return NumberIn(group.MemoryDirectory,
            group.Mode == CgroupMode.Unified ? "memory.max" : "memory.limit_in_bytes") ?? ulong.MaxValue;
    }

    /// <summary>The memory in bytes that the kernel cannot free without killing or swapping: all but cached files.
    /// </summary>
    /// <exception cref="LinuxException">A file exists and cannot be read.</exception>
    public static ulong MemoryInUse(Cgroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        bool isV2 = group.Mode == CgroupMode.Unified;
        string? directory = group.MemoryDirectory;
        ulong all = NumberIn(directory, isV2 ? "memory.current" : "memory.usage_in_bytes") ?? 0;
        Counters counters = CountersIn(directory, "memory.stat");
        // Shared memory is counted as files, but has none to be written back to.
        ulong files = counters[isV2 ? "file" : "total_cache"], shared = counters[isV2 ? "shmem" : "total_shmem"];
        return all - Math.Min(all, files - Math.Min(files, shared));
    }

    internal static string? TextIn(string? directory, string file) =>
        directory is null ? null : SmallFile.TryReadText($"{directory}/{file}", isOneRecord: true);

    internal static ulong? NumberIn(string? directory, string file) =>
        TextIn(directory, file) is { } text ? CgroupText.Number(text) : null;

    internal static Counters CountersIn(string? directory, string file) =>
        TextIn(directory, file) is { } text ? Counters.Parse(text) : Counters.None;
}
