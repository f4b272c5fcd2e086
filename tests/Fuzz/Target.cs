namespace Fuzz;

/// <summary>
/// Code that reads what a stranger wrote. An input is fine if it is read, or rejected with an exception that the code
/// documents; any other exception, and a broken invariant, is a finding.
/// </summary>
/// <param name="Name">The name, which is also that of its directory in <c>corpus</c>.</param>
/// <param name="Run">Runs it on one input.</param>
internal sealed record Target(string Name, Action<byte[]> Run)
{
    /// <summary>All targets.</summary>
    public static IReadOnlyList<Target> All { get; } =
    [
        new("ttrpc", TtrpcTarget.Run),
        new("sandbox", SandboxTarget.Run),
        new("volumes", VolumesTarget.Run),
        new("images", ImagesTarget.Run),
        new("specification", SpecificationTarget.Run),
        new("runsc", RunscTarget.Run),
        new("toml", TomlTarget.Run),
    ];

    /// <summary>Finds a target.</summary>
    /// <exception cref="ArgumentException">There is none of this name.</exception>
    public static Target Find(string name)
    {
        foreach (Target target in All)
            if (target.Name == name)
                return target;
        throw new ArgumentException(
            $"unknown target {name}; there are {string.Join(", ", All.Select(static target => target.Name))}");
    }

    /// <summary>Fails if an invariant is broken.</summary>
    /// <param name="holds">Whether it holds.</param>
    /// <param name="invariant">It in words.</param>
    public static void Require(bool holds, string invariant)
    {
        if (!holds)
            throw new InvariantException(invariant);
    }
}

/// <summary>A broken invariant.</summary>
internal sealed class InvariantException(string invariant) : Exception(invariant);
