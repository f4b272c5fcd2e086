namespace Linux;

/// <summary>Counts the processes of a group that the OOM killer has killed.</summary>
public static class OomCounter
{
    /// <summary>Reads <c>oom_kill</c> of memory.oom_control (v1, since Linux 4.13) or memory.events (v2).</summary>
    /// <returns>Null if the group is gone or has no memory controller.</returns>
    /// <exception cref="LinuxException">The file cannot be read.</exception>
    public static ulong? Read(Cgroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        (string? directory, string file) = group.Mode == CgroupMode.Unified
            ? (group.UnifiedDirectory, "memory.events")
            : (group.DirectoryOf("memory"), "memory.oom_control");
        return directory is not null && SmallFile.TryReadText($"{directory}/{file}") is { } text
            ? Counters.Parse(text)["oom_kill"]
            : null;
    }
}
