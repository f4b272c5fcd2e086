namespace Linux;

/// <summary>How often the kernel killed a process of a group for want of memory.</summary>
public static class OomCounter
{
    /// <summary>Reads the counter: <c>oom_kill</c> of memory.oom_control (v1, since Linux 4.13) or memory.events (v2).</summary>
    /// <returns>Null where the group is gone, or has no memory controller.</returns>
    /// <exception cref="LinuxException">It cannot be read.</exception>
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
