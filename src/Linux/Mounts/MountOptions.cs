namespace Linux;

/// <summary>A list of fstab options, parsed.</summary>
/// <param name="Flags">The flags for mount(2), without propagation.</param>
/// <param name="Propagation">The propagation type, perhaps with MS_REC; it needs a separate call.</param>
/// <param name="Data">The file system's own options, joined by commas.</param>
/// <param name="IsLoop">Whether the source is a file that is to become a block device.</param>
/// <param name="Ids">The ids as which those of the files are to appear; null: as they are.</param>
internal readonly record struct MountOptions(
    MountFlags Flags, MountFlags Propagation, string Data, bool IsLoop, IdMapping? Ids)
{
    private const string UidMap = "uidmap=", GidMap = "gidmap=";

    /// <summary>The flags of a single mount, which creating a bind mount ignores and a remount sets.</summary>
    internal const MountFlags PerMount = MountFlags.MS_RDONLY | MountFlags.MS_NOSUID | MountFlags.MS_NODEV
        | MountFlags.MS_NOEXEC | MountFlags.MS_NOATIME | MountFlags.MS_NODIRATIME | MountFlags.MS_RELATIME
        | MountFlags.MS_STRICTATIME | MountFlags.MS_NOSYMFOLLOW;

    /// <exception cref="LinuxException">EINVAL: an option is not understood.</exception>
    internal static MountOptions Parse(IReadOnlyList<string> options)
    {
        MountFlags flags = MountFlags.None;
        MountFlags propagation = MountFlags.None;
        List<string> data = [];
        bool isLoop = false;
        string? uidmap = null, gidmap = null;
        foreach (string option in options)
        {
            if (option.Length == 0 || MountSpec.IsNote(option))
                continue;
            if (option is "loop")
                isLoop = true;
            else if (option.StartsWith(UidMap, StringComparison.Ordinal))
                uidmap = option[UidMap.Length..];
            else if (option.StartsWith(GidMap, StringComparison.Ordinal))
                gidmap = option[GidMap.Length..];
            else if (PropagationOf(option) is var type && type != MountFlags.None)
                propagation = type;
            else if (FlagOf(option) is { } flag)
                flags = flag.Clears ? flags & ~flag.Flags : flags | flag.Flags;
            else
                data.Add(option);
        }
        if (uidmap is null != gidmap is null)
            throw new LinuxException(Errno.EINVAL, "mount option", uidmap is null ? GidMap + gidmap : UidMap + uidmap,
                "uidmap and gidmap must be given together");
        return new MountOptions(flags, propagation, string.Join(',', data), isLoop,
            uidmap is null ? null : IdMapping.Parse(uidmap, gidmap!));
    }

    private static MountFlags PropagationOf(string option) => option switch
    {
        "private" => MountFlags.MS_PRIVATE,
        "rprivate" => MountFlags.MS_PRIVATE | MountFlags.MS_REC,
        "slave" => MountFlags.MS_SLAVE,
        "rslave" => MountFlags.MS_SLAVE | MountFlags.MS_REC,
        "shared" => MountFlags.MS_SHARED,
        "rshared" => MountFlags.MS_SHARED | MountFlags.MS_REC,
        "unbindable" => MountFlags.MS_UNBINDABLE,
        "runbindable" => MountFlags.MS_UNBINDABLE | MountFlags.MS_REC,
        _ => MountFlags.None,
    };

    private static (MountFlags Flags, bool Clears)? FlagOf(string option) => option switch
    {
        "defaults" => (MountFlags.None, false),
        "async" => (MountFlags.MS_SYNCHRONOUS, true),
        "atime" => (MountFlags.MS_NOATIME, true),
        "bind" => (MountFlags.MS_BIND, false),
        "dev" => (MountFlags.MS_NODEV, true),
        "diratime" => (MountFlags.MS_NODIRATIME, true),
        "dirsync" => (MountFlags.MS_DIRSYNC, false),
        "exec" => (MountFlags.MS_NOEXEC, true),
        "mand" => (MountFlags.MS_MANDLOCK, false),
        "noatime" => (MountFlags.MS_NOATIME, false),
        "nodev" => (MountFlags.MS_NODEV, false),
        "nodiratime" => (MountFlags.MS_NODIRATIME, false),
        "noexec" => (MountFlags.MS_NOEXEC, false),
        "nomand" => (MountFlags.MS_MANDLOCK, true),
        "norelatime" => (MountFlags.MS_RELATIME, true),
        "nostrictatime" => (MountFlags.MS_STRICTATIME, true),
        "nosuid" => (MountFlags.MS_NOSUID, false),
        "nosymfollow" => (MountFlags.MS_NOSYMFOLLOW, false),
        "rbind" => (MountFlags.MS_BIND | MountFlags.MS_REC, false),
        "relatime" => (MountFlags.MS_RELATIME, false),
        "remount" => (MountFlags.MS_REMOUNT, false),
        "ro" => (MountFlags.MS_RDONLY, false),
        "rw" => (MountFlags.MS_RDONLY, true),
        "strictatime" => (MountFlags.MS_STRICTATIME, false),
        "suid" => (MountFlags.MS_NOSUID, true),
        "symfollow" => (MountFlags.MS_NOSYMFOLLOW, true),
        "sync" => (MountFlags.MS_SYNCHRONOUS, false),
        _ => null,
    };
}
