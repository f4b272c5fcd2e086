namespace Shim.Volumes;

/// <summary>
/// A pod's volumes cannot be as its annotations, or a container's mounts, want them. The message names the annotation
/// or the mount, and what to do.
/// </summary>
internal sealed class VolumeException(string message, Exception? inner = null) : Exception(message, inner);
