using Shim.Oci;

namespace Shim.Tests.Volumes;

/// <summary>A specification's annotations and mounts after edits, without writing it.</summary>
internal static class AppliedEdits
{
    public static (Dictionary<string, string> Annotations, List<SpecMount> Mounts) Of(
        IReadOnlyDictionary<string, string> annotations, IReadOnlyList<SpecMount> mounts, SpecEdits edits)
    {
        var edited = new Dictionary<string, string>(annotations, StringComparer.Ordinal);
        foreach ((string name, string? value) in edits.Annotations)
            if (value is null)
                edited.Remove(name);
            else
                edited[name] = value;
        List<SpecMount> kept = [];
        for (int i = 0; i < mounts.Count; i++)
            if (!edits.Mounts.TryGetValue(i, out SpecMount? mount))
                kept.Add(mounts[i]);
            else if (mount is not null)
                kept.Add(mount);
        return (edited, kept);
    }
}
