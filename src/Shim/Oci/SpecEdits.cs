namespace Shim.Oci;

/// <summary>
/// The edits of a container's specification. An edit that changes nothing is not recorded, so that a specification that
/// needs no change is not written.
/// </summary>
/// <param name="annotations">The present annotations.</param>
/// <param name="mounts">The present mounts.</param>
internal sealed class SpecEdits(IReadOnlyDictionary<string, string> annotations, IReadOnlyList<SpecMount> mounts)
{
    private readonly SortedDictionary<string, string?> _annotations = new(StringComparer.Ordinal);
    private readonly SortedDictionary<int, SpecMount?> _mounts = [];

    /// <summary>The edited annotations by name; null for a removed one.</summary>
    public IReadOnlyDictionary<string, string?> Annotations => _annotations;

    /// <summary>The edited mounts by index; null for a removed one.</summary>
    public IReadOnlyDictionary<int, SpecMount?> Mounts => _mounts;

    /// <summary>The edited propagation of the root file system; null: unchanged.</summary>
    public string? RootPropagation { get; set; }

    /// <summary>Whether nothing changes.</summary>
    public bool IsEmpty => _annotations.Count == 0 && _mounts.Count == 0 && RootPropagation is null;

    /// <summary>Sets an annotation.</summary>
    public void Set(string annotation, string value)
    {
        _annotations.Remove(annotation);
        if (annotations.GetValueOrDefault(annotation) != value)
            _annotations[annotation] = value;
    }

    /// <summary>The value that an annotation has with the edits so far; null if it is not there.</summary>
    public string? ValueOf(string annotation) =>
        _annotations.TryGetValue(annotation, out string? edited) ? edited : annotations.GetValueOrDefault(annotation);

    /// <summary>Removes an annotation, if it is there.</summary>
    public void Remove(string annotation)
    {
        _annotations.Remove(annotation);
        if (annotations.ContainsKey(annotation))
            _annotations[annotation] = null;
    }

    /// <summary>Replaces the mount at <paramref name="index"/>.</summary>
    public void Replace(int index, SpecMount mount)
    {
        _mounts.Remove(index);
        if (!mounts[index].SameAs(mount))
            _mounts[index] = mount;
    }

    /// <summary>Removes the mount at <paramref name="index"/>.</summary>
    public void Remove(int index) => _mounts[index] = null;
}
