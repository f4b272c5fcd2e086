namespace Shim.Oci;

/// <summary>
/// What is to change in a container's specification. Only what really differs is in it, so that a specification that
/// is right as it is stays untouched.
/// </summary>
/// <param name="annotations">The annotations as they are.</param>
/// <param name="mounts">The mounts as they are.</param>
internal sealed class SpecEdits(IReadOnlyDictionary<string, string> annotations, IReadOnlyList<SpecMount> mounts)
{
    private readonly SortedDictionary<string, string?> _annotations = new(StringComparer.Ordinal);
    private readonly SortedDictionary<int, SpecMount?> _mounts = [];

    /// <summary>The annotations that change, by name; null for one that goes.</summary>
    public IReadOnlyDictionary<string, string?> Annotations => _annotations;

    /// <summary>The mounts that change, by their place; null for one that goes.</summary>
    public IReadOnlyDictionary<int, SpecMount?> Mounts => _mounts;

    /// <summary>Whether nothing changes.</summary>
    public bool IsEmpty => _annotations.Count == 0 && _mounts.Count == 0;

    /// <summary>Gives an annotation a value.</summary>
    public void Set(string annotation, string value)
    {
        _annotations.Remove(annotation);
        if (annotations.GetValueOrDefault(annotation) != value)
            _annotations[annotation] = value;
    }

    /// <summary>Takes an annotation away, if it is there.</summary>
    public void Remove(string annotation)
    {
        _annotations.Remove(annotation);
        if (annotations.ContainsKey(annotation))
            _annotations[annotation] = null;
    }

    /// <summary>Puts a mount in the place of the one at <paramref name="index"/>.</summary>
    public void Replace(int index, SpecMount mount)
    {
        _mounts.Remove(index);
        if (!mounts[index].SameAs(mount))
            _mounts[index] = mount;
    }

    /// <summary>Takes the mount at <paramref name="index"/> away.</summary>
    public void Remove(int index) => _mounts[index] = null;
}
