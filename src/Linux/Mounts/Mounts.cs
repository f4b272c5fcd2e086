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
        catch (LinuxException failure)
        {
            if (Undo(mounted) is not { } left)
                throw;
            throw new LinuxException(failure.Errno, "undo mount", left, $"still mounted after: {failure.Message}");
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
        MountOptions options = MountOptions.Parse(spec.Options);
        string path = MountTarget.PathOf(rootfs, spec.Target);
        string what = $"{spec.Type} {spec.Source} on {path}";
        (string? directory, string data) = FitData(spec.Type, options.Data, what);

        // A remount without data changes flags only, in the call below.
        if ((options.Flags & MountFlags.MS_REMOUNT) == 0 || data.Length > 0)
        {
            using Descriptor target = MountTarget.Open(rootfs, spec.Target);
            Call(directory, spec.Source, target, spec.Type, options.Flags, data, what);
            if ((options.Flags & MountFlags.MS_REMOUNT) == 0)
                mounted.Push(path);
        }
        // The target is now the root of the new mount, so it must be opened again.
        if (options.Propagation != MountFlags.None)
        {
            using Descriptor target = MountTarget.Open(rootfs, spec.Target);
            Call(null, null, target, null, options.Propagation, null, $"propagation of {path}");
        }
        bool bindWithFlags = (options.Flags & MountFlags.MS_BIND) != 0
            && (options.Flags & MountOptions.PerMount) != 0;
        if (bindWithFlags || ((options.Flags & MountFlags.MS_REMOUNT) != 0 && data.Length == 0))
        {
            using Descriptor target = MountTarget.Open(rootfs, spec.Target);
            Call(null, null, target, null, options.Flags | MountFlags.MS_REMOUNT, null, $"flags of {what}");
        }
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
