namespace Shim.Sandboxes;

/// <summary>Whether a sandbox ends with its checkpoint, and by whom.</summary>
internal enum SandboxEnd
{
    /// <summary>It goes on.</summary>
    None,

    /// <summary>The shim kills it when the image is whole.</summary>
    ByShim,

    /// <summary>runsc ends it.</summary>
    ByRunsc,
}
