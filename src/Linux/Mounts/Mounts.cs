using System.Runtime.ExceptionServices;
using System.Text;

namespace Linux;

/// <summary>
/// Mounts a container's root file system as containerd describes it, and unmounts it. Blocks; on the loop, call it
/// through <see cref="EventLoop.RunBlocking"/>.
/// </summary>
public static class Mounts
{
    private const string MountInfoFile = "/proc/self/mountinfo";
    private const int UnmountRounds = 16;
    private const int SmallStackBytes = 64 * 1024;

    /// <summary>Mounts a list of file systems in order.</summary>
    /// <param name="mounts">The list.</param>
    /// <param name="rootfs">The absolute path of an existing directory. Targets are relative to it and stay inside of
    /// it, whatever links the mounted file systems contain.</param>
    /// <exception cref="LinuxException">A mount failed; all mounts of this call have been undone.</exception>
    public static void Mount(IReadOnlyList<MountSpec> mounts, string rootfs)
    {
        ArgumentNullException.ThrowIfNull(mounts);
        RequireAbsolute(rootfs);
        Stack<string> mounted = new();
        try
        {
            foreach (MountSpec spec in mounts)
                MountOne(spec, rootfs, mounted);
        }
        catch (Exception failure)
        {
            if (Undo(mounted) is not { } left)
                throw;
            throw new LinuxException((failure as LinuxException)?.Errno ?? Errno.EIO, "undo mount", left,
                $"still mounted after: {failure.Message}");
        }
    }

    /// <summary>Unmounts everything at and under a directory, including stacked mounts, if there is any. Busy mounts
    /// are detached. Links in the path of the parent are followed, but not the directory itself.</summary>
    /// <exception cref="LinuxException">EPERM; EBUSY: new mounts keep appearing.</exception>
    public static void UnmountAll(string rootfs)
    {
        RequireAbsolute(rootfs);
        if (RealPath(rootfs) is not { } root)
            return;
        for (int round = 0; round < UnmountRounds; round++)
        {
            // The kernel lists a mount after the one that it covers, so the last one is always on top.
            List<string> points = MountPointsUnder(SmallFile.ReadText(MountInfoFile), root);
            if (points.Count == 0)
                return;
            for (int i = points.Count - 1; i >= 0; i--)
                Unmount(points[i]);
        }
        throw new LinuxException(Errno.EBUSY, "umount", rootfs, $"still mounted after {UnmountRounds} rounds");
    }

    /// <summary>Whether something is mounted on a directory itself.</summary>
    /// <exception cref="LinuxException">The kernel's list cannot be read.</exception>
    public static bool IsMountPoint(string path)
    {
        RequireAbsolute(path);
        return RealPath(path) is { } real && MountPointsUnder(SmallFile.ReadText(MountInfoFile), real).Contains(real);
    }

    /// <summary>The mount points at and under a directory, in the order of the text.</summary>
    /// <param name="mountInfo">The text of a mountinfo file.</param>
    /// <param name="root">The absolute path of the directory, without a trailing slash.</param>
    internal static List<string> MountPointsUnder(ReadOnlySpan<char> mountInfo, string root)
    {
        ArgumentNullException.ThrowIfNull(root);
        List<string> points = [];
        foreach (ReadOnlySpan<char> line in mountInfo.EnumerateLines())
        {
            if (!MountInfo.TryParse(line, out MountInfo info))
                continue;
            string point = MountInfo.Decode(info.MountPoint);
            if (point == root || (point.StartsWith(root, StringComparison.Ordinal) && point[root.Length] == '/'))
                points.Add(point);
        }
        return points;
    }

    private static void MountOne(MountSpec spec, string rootfs, Stack<string> mounted)
    {
        RequireResolved(spec);
        MountOptions options = MountOptions.Parse(spec.Options);
        string path = MountTarget.PathOf(rootfs, spec.Target);
        string what = $"{spec.Type} {spec.Source} on {path}";
        bool isRemount = (options.Flags & MountFlags.MS_REMOUNT) != 0;

        // A remount without data changes flags only, in the call below.
        if (!isRemount && spec.Type == "overlay" && options.Ids is { } lowerIds)
            MountMappedOverlay(spec, options, lowerIds, rootfs, what, mounted);
        else if (!isRemount || options.Data.Length > 0)
        {
            (string? directory, string data) = FitData(spec.Type, options.Data, what);
            using Descriptor target = MountTarget.Open(rootfs, spec.Target);
            (Descriptor? device, string source) = options.IsLoop && !isRemount
                ? LoopDevice.Attach(spec.Source, (options.Flags & MountFlags.MS_RDONLY) != 0) : (null, spec.Source);
            // The kernel detaches the file when it is unmounted.
            using (device)
                Call(directory, source, target, spec.Type, options.Flags, data, what);
            if (!isRemount)
                mounted.Push(path);
        }
        // The target is now the root of the new mount, so it must be opened again.
        bool bindWithFlags = (options.Flags & MountFlags.MS_BIND) != 0
            && (options.Flags & MountOptions.PerMount) != 0;
        if (bindWithFlags || (isRemount && options.Data.Length == 0))
        {
            using Descriptor target = MountTarget.Open(rootfs, spec.Target);
            Call(null, null, target, null, options.Flags | MountFlags.MS_REMOUNT, null, $"flags of {what}");
        }
        if (!isRemount && spec.Type != "overlay" && options.Ids is { } ids)
        {
            using Descriptor target = MountTarget.Open(rootfs, spec.Target);
            IdMappedMount.Mount(target.ProcPath, ids, target, isReadOnly: false);
            mounted.Push(path);
        }
        if (options.Propagation != MountFlags.None)
        {
            using Descriptor target = MountTarget.Open(rootfs, spec.Target);
            Call(null, null, target, null, options.Propagation, null, $"propagation of {path}");
        }
    }

    /// <summary>
    /// An overlay cannot be mounted with other ids, but what it is made of can. The directory of all layers is mounted
    /// so on the target, and the overlay over it, which then has the layers as it found them there.
    /// </summary>
    private static void MountMappedOverlay(MountSpec spec, MountOptions options, IdMapping ids, string rootfs,
        string what, Stack<string> mounted)
    {
        if (OverlayOptions.Compact(options.Data) is not { } compact)
            throw new LinuxException(Errno.EOPNOTSUPP, "mount", what,
                "layers without a common directory cannot be mounted with other ids");
        (_, string data) = FitData(spec.Type, compact.Data, what);
        using (Descriptor covered = MountTarget.Open(rootfs, spec.Target))
            IdMappedMount.Mount(compact.Directory, ids, covered, isReadOnly: true);
        string path = MountTarget.PathOf(rootfs, spec.Target);
        mounted.Push(path);
        using Descriptor target = MountTarget.Open(rootfs, spec.Target);
        Call(target.ProcPath, spec.Source, target, spec.Type, options.Flags, data, what);
        mounted.Push(path);
    }

    /// <summary>
    /// containerd's mount manager (2.2 and newer) gives mounts that it has not resolved only to shims that ask for
    /// them: types like <c>format/mkdir/overlay</c>, and templates like <c>{{ mount 0 }}</c>.
    /// </summary>
    /// <exception cref="LinuxException">EOPNOTSUPP: it is such a one.</exception>
    public static void RequireResolved(MountSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (spec.Type.Contains('/'))
            throw Unresolved(spec.Type);
        foreach (string text in (IEnumerable<string>)[spec.Source, spec.Target, .. spec.Options])
            if (text.Contains("{{", StringComparison.Ordinal))
                throw Unresolved($"{spec.Type} {text}");

        static LinuxException Unresolved(string what) => new(Errno.EOPNOTSUPP, "mount", what,
            "only containerd's mount manager can resolve it; remove it from the snapshotter's configuration");
    }

    /// <summary>Makes the data fit into one page: the kernel silently truncates longer data.</summary>
    private static (string? Directory, string Data) FitData(string type, string data, string what)
    {
        if (Fits(data))
            return (null, data);
        if (type == "overlay" && OverlayOptions.Compact(data) is { } compact && Fits(compact.Data))
            return (compact.Directory, compact.Data);
        throw new LinuxException(Errno.E2BIG, "mount", what,
            $"{Encoding.UTF8.GetByteCount(data)} bytes of options do not fit into a page "
            + $"of {Environment.SystemPageSize}");

        static bool Fits(string data) => Encoding.UTF8.GetByteCount(data) < Environment.SystemPageSize;
    }

    private static void Call(string? directory, string? source, Descriptor target, string? type, MountFlags flags,
        string? data, string what)
    {
        if (directory is null)
            LinuxException.ThrowIfFailed(Libc.mount(source, target.ProcPath, type, (nuint)flags, data), "mount", what);
        else
            InDirectory(directory, () => LinuxException.ThrowIfFailed(
                Libc.mount(source, target.ProcPath, type, (nuint)flags, data), "mount", what));
    }

    /// <summary>Runs a call in another working directory, on a thread that does not share it with the process
    /// (CLONE_FS unshared).</summary>
    private static void InDirectory(string directory, Action call)
    {
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(Work, SmallStackBytes) { Name = "mount", IsBackground = true };
        thread.Start();
        thread.Join();
        failure?.Throw();

        void Work()
        {
            try
            {
                LinuxException.ThrowIfFailed(Libc.unshare(Libc.CLONE_FS), "unshare", "CLONE_FS");
                LinuxException.ThrowIfFailed(Libc.chdir(directory), "chdir", directory);
                call();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        }
    }

    /// <returns>A path that could not be unmounted, or null.</returns>
    private static string? Undo(Stack<string> mounted)
    {
        string? left = null;
        foreach (string path in mounted)
        {
            if (Libc.umount2(path, Libc.MNT_DETACH | Libc.UMOUNT_NOFOLLOW) < 0)
                left = $"{path} ({LinuxException.LastErrno})";
        }
        return left;
    }

    private static void Unmount(string path)
    {
        if (Libc.umount2(path, Libc.UMOUNT_NOFOLLOW) == 0)
            return;
        if (LinuxException.LastErrno == Errno.EBUSY
            && Libc.umount2(path, Libc.MNT_DETACH | Libc.UMOUNT_NOFOLLOW) == 0)
            return;
        // Unmounted meanwhile by another process, or along with its peer.
        if (LinuxException.LastErrno is not (Errno.EINVAL or Errno.ENOENT))
            LinuxException.ThrowLast("umount", path);
    }

    /// <summary>The path as in mountinfo: links are resolved in the parent, not in the last component.</summary>
    private static string? RealPath(string path)
    {
        (string parent, string name) = PathParts.Split(path);
        try
        {
            using Descriptor directory = Descriptor.Open(parent, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY);
            return $"{FileStatus.PathOf(directory).TrimEnd('/')}/{name}";
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ENOTDIR)
        {
            return null;
        }
    }

    private static void RequireAbsolute(string rootfs)
    {
        ArgumentException.ThrowIfNullOrEmpty(rootfs);
        if (!rootfs.StartsWith('/') || PathParts.ComponentsInside(rootfs, "rootfs").Count == 0)
            throw new ArgumentException($"{rootfs} is not an absolute path below the root", nameof(rootfs));
    }
}
