using Linux;
using Shim.Bundles;
using Shim.Configuration;
using Shim.Io;

namespace Shim.Containers;

/// <summary>What a container is created from.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Bundle">Its bundle.</param>
/// <param name="Rootfs">The mounts that make its root file system; none if it exists.</param>
/// <param name="Stdio">Its standard streams.</param>
/// <param name="Configuration">The configuration that applies to it.</param>
/// <param name="Checkpoint">The directory of the image to restore it from; null: none.</param>
internal sealed record CreateRequest(
    string Id, Bundle Bundle, IReadOnlyList<MountSpec> Rootfs, StdioRequest Stdio, ShimConfiguration Configuration,
    string? Checkpoint = null);
