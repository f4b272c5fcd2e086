using Linux;
using Shim.Sandboxes;

namespace Shim.Containers;

/// <summary>
/// The containers that this shim serves, and those that are being created. On the loop's thread only.
/// </summary>
internal sealed class ContainerStore
{
    private readonly Dictionary<string, Container> _containers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PendingCreate> _creates = new(StringComparer.Ordinal);
    private TaskCompletionSource _empty = LoopTask.NewSource();
    private Action? _whenEmpty;

    /// <summary>A store without containers.</summary>
    public ContainerStore() => _empty.SetResult();

    /// <summary>Completed while there are none; else completes when the last one is gone.</summary>
    public Task Empty => _empty.Task;

    /// <summary>Whether there has been one.</summary>
    public bool WasUsed { get; private set; }

    /// <summary>How many there are, with those that are being created.</summary>
    public int Count => _containers.Count + _creates.Count;

    /// <summary>All that have been created.</summary>
    public IEnumerable<Container> All => _containers.Values;

    /// <summary>Whether all have ended and containerd has removed their bundles.</summary>
    public bool IsAbandoned
    {
        get
        {
            foreach (Container container in _containers.Values)
                if (!container.HasEnded || container.Bundle.Exists)
                    return false;
            return _containers.Count > 0 && _creates.Count == 0;
        }
    }

    /// <summary>Finds a container.</summary>
    /// <exception cref="RefusedException">There is no container of this id.</exception>
    public Container Get(string id) => TryGet(id)
        ?? throw new RefusedException(Refusal.NotFound, $"container {id} not found");

    /// <summary>Finds a container that containerd deletes.</summary>
    /// <remarks>
    /// containerd deletes a container that is being created when its client is gone, and then forgets this shim: the
    /// create is given up.
    /// </remarks>
    /// <exception cref="RefusedException">There is no container of this id.</exception>
    public Container GetToDelete(string id)
    {
        GiveUpCreate(id, "containerd deletes the container");
        return Get(id);
    }

    /// <summary>Finds a container; null if there is none of this id.</summary>
    public Container? TryGet(string id) => _containers.GetValueOrDefault(id);

    /// <summary>The sandbox whose first container is <paramref name="id"/>; null if it is not here.</summary>
    public Sandbox? FindSandbox(string id) => TryGet(id) is { IsSandbox: true } container ? container.Sandbox : null;

    /// <summary>Reserves the id of a container that is to be created.</summary>
    /// <exception cref="RefusedException">It is taken.</exception>
    public void Reserve(PendingCreate create)
    {
        if (_containers.ContainsKey(create.Id) || !_creates.TryAdd(create.Id, create))
            throw new RefusedException(Refusal.AlreadyExists, $"container {create.Id} already exists");
        WasUsed = true;
        if (_empty.Task.IsCompleted)
            _empty = LoopTask.NewSource();
    }

    /// <summary>Releases the id of a container that was not created after all.</summary>
    public void Release(PendingCreate create)
    {
        create.Over();
        _creates.Remove(create.Id);
        if (Count > 0)
            return;
        _whenEmpty?.Invoke();
        _empty.TrySetResult();
    }

    /// <summary>Adds the container for which its id was reserved.</summary>
    public void Add(Container container)
    {
        if (_creates.Remove(container.Id, out PendingCreate? create))
            create.Over();
        _containers[container.Id] = container;
        _whenEmpty = null;
    }

    /// <summary>Removes a container.</summary>
    public void Remove(Container container)
    {
        _containers.Remove(container.Id);
        if (Count == 0)
            _empty.TrySetResult();
    }

    /// <summary>
    /// containerd asks for a shutdown. It does so when it is done with a container, created or not, and only once: a
    /// create of that container is given up, and if there are only creates, so are all of them.
    /// </summary>
    /// <param name="id">The container; the last one asked for.</param>
    /// <param name="shutDown">Called when nothing is left: now, or after the last create was undone.</param>
    public void ShutDown(string id, Action shutDown)
    {
        if (Count == 0)
        {
            shutDown();
            return;
        }
        const string Why = "containerd asked for a shutdown";
        if (_containers.Count == 0)
        {
            _whenEmpty = shutDown;
            foreach (PendingCreate create in _creates.Values)
                create.GiveUp(Why);
        }
        else
            GiveUpCreate(id, Why);
    }

    private void GiveUpCreate(string id, string why)
    {
        if (_creates.TryGetValue(id, out PendingCreate? create))
            create.GiveUp(why);
    }
}
