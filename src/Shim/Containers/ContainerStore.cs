using Shim.Sandboxes;

namespace Shim.Containers;

/// <summary>The containers that this shim serves. On the loop's thread only.</summary>
internal sealed class ContainerStore
{
    private readonly Dictionary<string, Container?> _containers = new(StringComparer.Ordinal);

    /// <summary>How many there are, with those that are being created.</summary>
    public int Count => _containers.Count;

    /// <summary>All that have been created.</summary>
    public IEnumerable<Container> All
    {
        get
        {
            foreach (Container? container in _containers.Values)
                if (container is not null)
                    yield return container;
        }
    }

    /// <summary>Finds a container.</summary>
    /// <exception cref="RefusedException">There is no container of this id.</exception>
    public Container Get(string id) =>
        _containers.GetValueOrDefault(id) ?? throw new RefusedException(Refusal.NotFound, $"container {id} not found");

    /// <summary>The sandbox whose first container is <paramref name="id"/>; null if it is not here.</summary>
    public Sandbox? FindSandbox(string id) =>
        _containers.GetValueOrDefault(id) is { IsSandbox: true } container ? container.Sandbox : null;

    /// <summary>Reserves the id of a container that is to be created.</summary>
    /// <exception cref="RefusedException">It is taken.</exception>
    public void Reserve(string id)
    {
        if (!_containers.TryAdd(id, null))
            throw new RefusedException(Refusal.AlreadyExists, $"container {id} already exists");
    }

    /// <summary>Releases a reserved id.</summary>
    public void Release(string id) => _containers.Remove(id);

    /// <summary>Adds the container for which its id was reserved.</summary>
    public void Add(Container container) => _containers[container.Id] = container;

    /// <summary>Removes a container.</summary>
    public void Remove(Container container) => _containers.Remove(container.Id);
}
