namespace Shim.Volumes;

/// <summary>
/// A pod's volumes cannot be set up as its annotations or a container's mounts request. The message names the
/// annotation, volume or mount, and what to do.
/// </summary>
internal sealed class VolumeException(string message, Exception? inner = null) : Exception(message, inner);
