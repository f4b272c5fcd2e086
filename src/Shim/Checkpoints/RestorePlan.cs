namespace Shim.Checkpoints;

/// <summary>
/// Which containers an image holds and which of them have come back: who may be created next, whose turn it is to be
/// restored, and whether any is missing. Pure.
/// </summary>
/// <remarks>
/// A sandbox is restored container by container, its own first; nothing runs before the last one. A container is the
/// image's one of the same name; those without a name come in their order.
/// </remarks>
internal sealed class RestorePlan
{
    private readonly string _image;
    private readonly List<string> _names;
    private readonly bool _namesAreKnown;
    private readonly bool _orderCounts;
    private readonly HashSet<int> _created = [];
    private readonly HashSet<int> _restored = [];

    /// <summary>A plan for an image of which nothing is restored yet.</summary>
    /// <param name="image">What messages call the image.</param>
    /// <param name="names">The containers' names, the sandbox's first; null where the image does not tell.</param>
    /// <param name="count">How many there are; null where the image does not tell.</param>
    /// <param name="orderCounts">Whether they must come in the image's order.</param>
    public RestorePlan(string image, IReadOnlyList<string>? names, int? count, bool orderCounts)
    {
        _image = image;
        _names = names is null ? [] : [.. names];
        _namesAreKnown = names is not null;
        _orderCounts = orderCounts;
        Count = names?.Count ?? count;
    }

    /// <summary>How many containers the image holds; null where it does not tell.</summary>
    public int? Count { get; }

    /// <summary>Whether all containers of the image are restored; where it does not tell, all that are there.</summary>
    public bool IsComplete => _restored.Count > 0 && _restored.Count >= (Count ?? _created.Count);

    /// <summary>The containers that are not restored yet, for messages.</summary>
    public string Missing
    {
        get
        {
            if (!_namesAreKnown)
                return $"{Count - _restored.Count} of {Count} containers";
            List<string> missing = [];
            for (int place = 0; place < _names.Count; place++)
                if (!_restored.Contains(place))
                    missing.Add(Shown(place));
            return string.Join(", ", missing);
        }
    }

    /// <summary>Gives a container that is being created its place. The first to come is the sandbox's own.</summary>
    /// <param name="name">Its name; empty for none.</param>
    /// <exception cref="CheckpointException">The image has no place for it, or another container comes first.</exception>
    public int Add(string name)
    {
        int place = _created.Count == 0 && _restored.Count == 0 ? 0 : PlaceOf(name);
        if (place >= _names.Count)
            _names.Add(name);
        _created.Add(place);
        return place;
    }

    /// <summary>A container with a place was not made after all, or is gone before it was restored.</summary>
    public void Remove(int place)
    {
        _created.Remove(place);
        if (!_namesAreKnown)
            _names[place] = "";
    }

    /// <summary>Refuses a restore before its turn.</summary>
    /// <exception cref="CheckpointException">The sandbox, or another container before it, is not restored yet.</exception>
    public void RequireTurn(int place)
    {
        if (place > 0 && !_restored.Contains(0))
            throw Refused("the sandbox's own container must be started first");
        if (!_orderCounts)
            return;
        for (int earlier = 1; earlier < place; earlier++)
            if (!_restored.Contains(earlier))
                throw Refused($"its containers must be started in their order, and {Shown(earlier)} is not yet");
    }

    /// <summary>A container has been restored.</summary>
    public void Restored(int place) => _restored.Add(place);

    private int PlaceOf(string name)
    {
        int place = _names.FindIndex(1, each => each == name);
        if (!_namesAreKnown)
            return name.Length > 0 && place > 0 ? throw Refused($"container {name} is restored from it already")
                : _created.Count >= Count ? throw Refused($"it holds {Count} containers, and they are here already")
                : _names.Count;
        while (name.Length == 0 && place > 0 && _created.Contains(place))
            place = _names.FindIndex(place + 1, each => each == name);
        if (place < 0)
            throw Refused(name.Length > 0
                ? $"it holds {AllShown()}, and no container {name}"
                : $"it holds {AllShown()}, and no further container without a name");
        if (_created.Contains(place))
            throw Refused($"container {name} is restored from it already");
        for (int earlier = 1; _orderCounts && earlier < place; earlier++)
            if (!_created.Contains(earlier))
                throw Refused($"its containers must come in their order, {AllShown()}: {Shown(earlier)} is missing before "
                    + Shown(place));
        return place;
    }

    private string Shown(int place) =>
        place == 0 ? "the sandbox's own container"
        : _names[place].Length > 0 ? $"container {_names[place]}"
        : $"container {place} (it has no name)";

    private string AllShown()
    {
        var shown = new string[_names.Count];
        for (int place = 0; place < shown.Length; place++)
            shown[place] = Shown(place);
        return string.Join(", ", shown);
    }

    private CheckpointException Refused(string why) => new(CheckpointFault.DoesNotFit, $"image {_image}: {why}");
}
