namespace Shim.Oci;

/// <summary>An entry of <c>mounts</c> in a container's specification.</summary>
/// <param name="Destination">The mount point in the container.</param>
/// <param name="Type">The type of file system; empty if none is given.</param>
/// <param name="Source">What is mounted: for a bind mount a path on the node.</param>
/// <param name="Options">The mount options.</param>
internal sealed record SpecMount(string Destination, string Type, string Source, IReadOnlyList<string> Options)
{
    /// <summary>Whether a file or directory of the node is mounted.</summary>
    public bool IsBind
    {
        get
        {
            if (Type == "bind")
                return true;
            foreach (string option in Options)
                if (option is "bind" or "rbind")
                    return true;
            return false;
        }
    }

    /// <summary>
    /// The option by which what is mounted in the container would appear on the node (Kubernetes' Bidirectional); null
    /// if it has none.
    /// </summary>
    public string? SharedPropagation
    {
        get
        {
            foreach (string option in Options)
                if (IsSharedPropagation(option))
                    return option;
            return null;
        }
    }

    /// <summary>The same mount as a tmpfs in the sandbox's memory, without the options of bind mounts.</summary>
    public SpecMount AsTmpfs() => this with
    {
        Type = "tmpfs",
        Options = Without(static option => IsSharedPropagation(option) || option is "bind" or "rbind" or "private"
            or "rprivate" or "slave" or "rslave" or "unbindable" or "runbindable"),
    };

    /// <summary>
    /// The same mount as a bind mount of a volume in the sandbox, of which nothing appears on the node; any other type
    /// than tmpfs stays as it is.
    /// </summary>
    public SpecMount AsBind()
    {
        SpecMount mount = SharedPropagation is null ? this : this with { Options = Without(IsSharedPropagation) };
        return mount.Type != "tmpfs" ? mount
            : mount with { Type = "bind", Options = IsBind ? mount.Options : [.. mount.Options, "rbind"] };
    }

    /// <summary>
    /// Whether all fields are equal; the record's own equality compares <see cref="Options"/> by reference.
    /// </summary>
    public bool SameAs(SpecMount other)
    {
        if (Destination != other.Destination || Type != other.Type || Source != other.Source
            || Options.Count != other.Options.Count)
            return false;
        for (int i = 0; i < Options.Count; i++)
            if (Options[i] != other.Options[i])
                return false;
        return true;
    }

    private static bool IsSharedPropagation(string option) => option is "shared" or "rshared";

    private List<string> Without(Predicate<string> dropped)
    {
        var options = new List<string>(Options.Count);
        foreach (string option in Options)
            if (!dropped(option))
                options.Add(option);
        return options;
    }
}
