using Linux;
using Shim.Configuration;
using Shim.Io;

namespace Shim.Containers;

/// <summary>What a container is made from.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Bundle">Its bundle.</param>
/// <param name="Rootfs">The mounts that make its root file system; none where it is there already.</param>
/// <param name="Stdio">Its standard streams.</param>
/// <param name="Configuration">The configuration that counts for it.</param>
/// <param name="Checkpoint">The directory of the image from which it goes on; null: it begins anew.</param>
public sealed record CreateRequest(
    string Id, Bundle Bundle, IReadOnlyList<MountSpec> Rootfs, StdioRequest Stdio, ShimConfiguration Configuration,
    string? Checkpoint = null);
