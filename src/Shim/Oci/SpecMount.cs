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

    /// <summary>The same mount as a tmpfs in the sandbox's memory, without the options of bind mounts.</summary>
    public SpecMount AsTmpfs()
    {
        var options = new List<string>(Options.Count);
        foreach (string option in Options)
            if (option is not ("bind" or "rbind" or "private" or "rprivate" or "slave" or "rslave" or "shared"
                or "rshared" or "unbindable" or "runbindable"))
                options.Add(option);
        return this with { Type = "tmpfs", Options = options };
    }

    /// <summary>The same mount as a bind mount; any other type than tmpfs stays as it is.</summary>
    public SpecMount AsBind() => Type != "tmpfs" ? this
        : this with { Type = "bind", Options = IsBind ? Options : [.. Options, "rbind"] };

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
}
