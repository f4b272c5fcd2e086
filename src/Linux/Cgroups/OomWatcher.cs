namespace Linux;

/// <summary>
/// Reports when a group runs out of memory.
/// </summary>
/// <remarks>
/// v1: an eventfd registered through cgroup.event_control for memory.oom_control. The kernel signals it at every
/// OOM, and once more when the group is removed.
/// v2: inotify on memory.events, which the kernel reports as modified whenever one of its counters changes. Removing a
/// group is not reported for its files, but the group becomes empty first, and that is reported for cgroup.events.
/// </remarks>
public sealed class OomWatcher : IDisposable
{
    private readonly DescriptorStream _events;
    private readonly string _directory;
    private readonly bool _isUnified;
    private readonly byte[] _buffer = new byte[4096];
    private ulong _seen;
    private bool _gone;

    private OomWatcher(DescriptorStream events, string directory, bool isUnified)
    {
        _events = events;
        _directory = directory;
        _isUnified = isUnified;
        if (isUnified)
            _seen = Kills() ?? 0;
    }

    /// <summary>Starts watching a group. Earlier events are not reported.</summary>
    /// <param name="loop">The loop on which the watcher is awaited.</param>
    /// <param name="group">The group.</param>
    /// <exception cref="LinuxException">ENOENT: the group is gone or has no memory controller.</exception>
    public static OomWatcher Open(EventLoop loop, Cgroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        if (group.Mode == CgroupMode.Unified)
            return OpenV2(loop, group.UnifiedDirectory ?? throw NoMemoryController());
        return OpenV1(loop, group.DirectoryOf("memory") ?? throw NoMemoryController());
    }

    internal static OomWatcher OpenV1(EventLoop loop, string directory)
    {
        Descriptor counter = new(LinuxException.ThrowIfFailed(
            Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK), "eventfd"));
        return Build(counter, () =>
        {
            using Descriptor control = Descriptor.Open($"{directory}/memory.oom_control", OpenFlags.O_RDONLY);
            SmallFile.WriteText($"{directory}/cgroup.event_control", $"{counter.Fd} {control.Fd}");
        }, loop, directory, isUnified: false);
    }

    internal static OomWatcher OpenV2(EventLoop loop, string directory)
    {
        int flags = OpenFlags.O_NONBLOCK.ToNative(); // IN_NONBLOCK and IN_CLOEXEC are the same bits
        Descriptor inotify = new(LinuxException.ThrowIfFailed(Libc.inotify_init1(flags), "inotify_init1"));
        return Build(inotify, () =>
        {
            foreach (string file in (ReadOnlySpan<string>)["memory.events", "cgroup.events"])
            {
                string path = $"{directory}/{file}";
                int watch = Libc.inotify_add_watch(inotify, path, Libc.IN_MODIFY | Libc.IN_DELETE_SELF);
                LinuxException.ThrowIfFailed(watch, "inotify_add_watch", path);
            }
        }, loop, directory, isUnified: true);
    }

    /// <summary>Waits for the next OOM or for the end of the group. OOMs in quick succession are reported as one. One
    /// call at a time.</summary>
    /// <returns>True for an OOM; false, from then on always, when the group is gone.</returns>
    /// <exception cref="ObjectDisposedException">The watcher was disposed, perhaps during the wait.</exception>
    public async ValueTask<bool> WaitAsync()
    {
        while (!_gone)
        {
            int count = await _events.ReadAsync(_buffer);
            if (_isUnified ? SawKill() : SawOom(_buffer.AsSpan(0, count)))
                return true;
        }
        return false;
    }

    /// <inheritdoc/>
    public void Dispose() => _events.Dispose();

    private bool SawOom(ReadOnlySpan<byte> counter)
    {
        _gone = !File.Exists($"{_directory}/memory.oom_control");
        // The removal itself adds one.
        return BitConverter.ToUInt64(counter) > (_gone ? 1UL : 0UL);
    }

    private bool SawKill()
    {
        ulong? kills = Kills();
        _gone = kills is null || IsEmpty();
        if (kills is not { } now || now <= _seen)
            return false;
        _seen = now;
        return true;
    }

    private ulong? Kills() => SmallFile.TryReadText($"{_directory}/memory.events") is { } text
        ? Counters.Parse(text)["oom_kill"]
        : null;

    private bool IsEmpty() => SmallFile.TryReadText($"{_directory}/cgroup.events") is not { } text
        || Counters.Parse(text)["populated"] == 0;

    private static OomWatcher Build(Descriptor descriptor, Action register, EventLoop loop, string directory,
        bool isUnified)
    {
        try
        {
            register();
            return new OomWatcher(new DescriptorStream(loop, descriptor), directory, isUnified);
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }
    }

    private static LinuxException NoMemoryController() =>
        new(Errno.ENOENT, "watch for oom", null, "no memory controller is mounted");
}
