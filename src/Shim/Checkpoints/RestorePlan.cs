namespace Shim.Checkpoints;

/// <summary>
/// The containers that an image holds, and which of them have been created and restored: it decides which container may
/// be created or restored next, and whether any is missing. Pure.
/// </summary>
/// <remarks>
/// A sandbox is restored container by container, its own first; nothing runs before the last one. A container takes the
/// place in the image that has its name; containers without a name take the unnamed places in order.
/// </remarks>
internal sealed class RestorePlan
{
    private const int MostShown = 10;

    private readonly string _image;
    private readonly List<string> _names;
    private readonly bool _namesAreKnown;
    private readonly bool _isOrdered;
    private readonly int? _count;
    private readonly HashSet<int> _created = [];
    private readonly HashSet<int> _restored = [];

    /// <summary>A plan for an image of which nothing is restored yet.</summary>
    /// <param name="image">The image's path, for messages.</param>
    /// <param name="names">The containers' names, the sandbox's first; null if the image does not give them.</param>
    /// <param name="count">The number of containers; null if the image does not give it.</param>
    /// <param name="isOrdered">Whether they must be created and restored in the image's order.</param>
    public RestorePlan(string image, IReadOnlyList<string>? names, int? count, bool isOrdered)
    {
        _image = image;
        _names = names is null ? [] : [.. names];
        _namesAreKnown = names is not null;
        _isOrdered = isOrdered;
        _count = names?.Count ?? count;
    }

    /// <summary>
    /// Whether all containers of the image are restored; if the image does not give their number, all created ones.
    /// </summary>
    public bool IsComplete => _restored.Count > 0 && _restored.Count >= (_count ?? _created.Count);

    /// <summary>The containers that are not restored yet, for messages.</summary>
    public string Missing
    {
        get
        {
            if (!_namesAreKnown)
                return $"{_count - _restored.Count} of {_count} containers";
            List<int> missing = [];
            for (int place = 0; place < _names.Count; place++)
                if (!_restored.Contains(place))
                    missing.Add(place);
            return Shown(missing);
        }
    }

    /// <summary>Gives a container that is being created its place. The first one is the sandbox's own.</summary>
    /// <param name="name">Its name; empty if it has none.</param>
    /// <exception cref="CheckpointException">
    /// The image has no place for it, or another container must be created first.
    /// </exception>
    public int Add(string name)
    {
        int place = _created.Count == 0 && _restored.Count == 0 ? 0 : PlaceOf(name);
        if (place >= _names.Count)
            _names.Add(name);
        _created.Add(place);
        return place;
    }

    /// <summary>A container with a place was not created after all, or was deleted before it was restored.</summary>
    public void Remove(int place)
    {
        _created.Remove(place);
        if (!_namesAreKnown)
            _names[place] = "";
    }

    /// <summary>Rejects a restore before its turn.</summary>
    /// <exception cref="CheckpointException">
    /// The sandbox's own container, or another one that must be restored first, is not restored yet.
    /// </exception>
    public void RequireTurn(int place)
    {
        if (place > 0 && !_restored.Contains(0))
            throw Rejected("the sandbox's own container must be started first");
        if (!_isOrdered)
            return;
        for (int earlier = 1; earlier < place; earlier++)
            if (!_restored.Contains(earlier))
                throw Rejected($"its containers must be started in order, and {Shown(earlier)} is not started yet");
    }

    /// <summary>A container has been restored.</summary>
    public void Restored(int place) => _restored.Add(place);

    private int PlaceOf(string name)
    {
        int place = _names.FindIndex(1, each => each == name);
        if (!_namesAreKnown)
            return name.Length > 0 && place > 0
                ? throw Rejected($"its container {name.Short()} is already in this sandbox")
                : _created.Count >= _count ? throw Rejected($"all its {_count} containers are already in this sandbox")
                : _names.Count;
        while (name.Length == 0 && place > 0 && _created.Contains(place))
            place = _names.FindIndex(place + 1, each => each == name);
        if (place < 0)
            throw Rejected(name.Length > 0
                ? $"it holds {AllShown()}, but no container {name.Short()}"
                : $"it holds {AllShown()}, but no further container without a name");
        if (_created.Contains(place))
            throw Rejected($"its container {name.Short()} is already in this sandbox");
        for (int earlier = 1; _isOrdered && earlier < place; earlier++)
            if (!_created.Contains(earlier))
                throw Rejected($"its containers must be created in order ({AllShown()}), and {Shown(earlier)} is "
                    + $"missing before {Shown(place)}");
        return place;
    }

    private string Shown(int place) =>
        place == 0 ? "the sandbox's own container"
        : _names[place].Length > 0 ? $"container {_names[place].Short()}"
        : $"container {place} (unnamed)";

    private string AllShown()
    {
        var all = new int[_names.Count];
        for (int place = 0; place < all.Length; place++)
            all[place] = place;
        return Shown(all);
    }

    private string Shown(IReadOnlyList<int> places)
    {
        var shown = new string[Math.Min(places.Count, MostShown)];
        for (int i = 0; i < shown.Length; i++)
            shown[i] = Shown(places[i]);
        string text = string.Join(", ", shown);
        return places.Count > MostShown ? $"{text} and {places.Count - MostShown} more" : text;
    }

    private CheckpointException Rejected(string why) => new(CheckpointFault.DoesNotFit, $"image {_image}: {why}");
}
