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
        return (group.Mode == CgroupMode.Unified
            ? NumberIn(group.UnifiedDirectory, "memory.max")
            : NumberIn(group.DirectoryOf("memory"), "memory.limit_in_bytes")) ?? ulong.MaxValue;
    }

    internal static string? TextIn(string? directory, string file) =>
        directory is null ? null : SmallFile.TryReadText($"{directory}/{file}");

    internal static ulong? NumberIn(string? directory, string file) =>
        TextIn(directory, file) is { } text ? CgroupText.Number(text) : null;

    internal static Counters CountersIn(string? directory, string file) =>
        TextIn(directory, file) is { } text ? Counters.Parse(text) : Counters.None;
}
