namespace Testing;

/// <summary>
/// The ids of all containers that a containerd has made, also of those that it failed to start and of pods' sandboxes:
/// containerd makes a bundle for each before anything else.
/// </summary>
internal sealed class BundleWatch : IDisposable
{
    private readonly Lock _gate = new();
    private readonly HashSet<(string Namespace, string Id)> _seen = [];
    private readonly List<FileSystemWatcher> _watchers = [];

    /// <summary>Watches from now on.</summary>
    /// <param name="daemon">A containerd that has not been started.</param>
    public BundleWatch(Daemon daemon)
    {
        foreach (string name in Daemon.Namespaces)
        {
            // containerd would make it for its first container, when it is too late to watch it.
            string directory = Directory.CreateDirectory(daemon.BundlesOf(name)).FullName;
            FileSystemWatcher watcher = new(directory) { NotifyFilter = NotifyFilters.DirectoryName };
            watcher.Created += (_, e) => Add(name, e.Name!);
            watcher.Renamed += (_, e) => Add(name, e.Name!);
            watcher.EnableRaisingEvents = true;
            _watchers.Add(watcher);
        }
    }

    public IReadOnlyList<(string Namespace, string Id)> Seen
    {
        get
        {
            lock (_gate)
                return [.. _seen];
        }
    }

    public void Dispose() => _watchers.ForEach(static watcher => watcher.Dispose());

    private void Add(string name, string id)
    {
        // A bundle that is being removed is first renamed to ".ID".
        if (id.StartsWith('.'))
            return;
        lock (_gate)
            _seen.Add((name, id));
    }
}
