namespace Shim.Containers;

/// <summary>The containers that this shim serves. Used from the loop's thread only.</summary>
public sealed class ContainerStore
{
    private readonly Dictionary<string, Container?> _containers = new(StringComparer.Ordinal);

    /// <summary>How many there are, those that are just being created included.</summary>
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
    /// <exception cref="ContainerException">There is none of this id.</exception>
    public Container Get(string id) =>
        _containers.GetValueOrDefault(id)
        ?? throw new ContainerException(Refusal.NotFound, $"this shim has no container {id}");

    /// <summary>The sandbox that the container <paramref name="id"/> is the first of; null where it is not here.</summary>
    public Sandbox? FindSandbox(string id) =>
        _containers.GetValueOrDefault(id) is { IsSandbox: true } container ? container.Sandbox : null;

    /// <summary>Takes an id for a container that is to be created.</summary>
    /// <exception cref="ContainerException">It is taken.</exception>
    public void Reserve(string id)
    {
        if (!_containers.TryAdd(id, null))
            throw new ContainerException(Refusal.AlreadyExists, $"container {id} exists already");
    }

    /// <summary>Gives a reserved id back.</summary>
    public void Release(string id) => _containers.Remove(id);

    /// <summary>Adds the container for which its id was reserved.</summary>
    public void Add(Container container) => _containers[container.Id] = container;

    /// <summary>Removes a container.</summary>
    public void Remove(Container container) => _containers.Remove(container.Id);
}
