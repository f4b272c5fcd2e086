using Containerd.Api.Tasks;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Linux;
using Shim.Bundles;
using Shim.Checkpoints;
using Shim.Configuration;
using Shim.Oci;
using Shim.Runsc;
using Shim.Service;
using Shim.Volumes;

namespace Shim.Commands;

/// <summary>
/// <c>delete</c>: removes what is left of one container, and nothing else. containerd runs it after every deletion and
/// when it has lost the shim, so it may run at any time and more than once.
/// </summary>
/// <remarks>
/// It touches neither the shim nor other containers of the sandbox: in a pod the shim continues to serve them. A
/// missing or torn <c>state.json</c> is not an error; then the default configuration says where runsc's state would be.
/// runsc gets only the time that the rest does not need: what is mounted and what lies around goes, whatever runsc
/// does.
/// </remarks>
internal static class DeleteCommand
{
    private const uint KilledStatus = 128 + Signals.SIGKILL;

    /// <summary>containerd kills the command after 5 s.</summary>
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(4);

    public static int Run(ShimArguments arguments)
    {
        var budget = new Budget(s_bound);
        arguments.RequireIds("delete");
        var bundle = new Bundle(Path.GetFullPath(arguments.Bundle.Length > 0 ? arguments.Bundle : "."));
        List<string> failures = [];
        bool isServed = true; // unless it is known to be not
        Try(failures, () => isServed = IsServed(bundle));
        ContainerSpec? spec = SpecOf(bundle);
        BundleState? state = BundleState.Load(bundle) ?? DefaultState(arguments, spec);
        if (state is not null)
        {
            var removal = new RunscRemoval(arguments, state, bundle, spec, budget, isServed);
            Try(failures, removal.KillUnserved);
            Try(failures, removal.AskRunsc);
            Try(failures, removal.RemoveRest);
            string root = Path.GetDirectoryName(state.RunscRoot)!;
            Try(failures, () => RemoveDeadSocket(HibernateServer.PathOf(root, arguments.Id)));
            // The sandbox may have been deleted while runsc looked through its containers for this one: then its locks
            // remain, and the last container removes them.
            if (spec?.SandboxId is { } sandbox)
                Try(failures, () => RunscStateFile.RemoveRemains(state.RunscRoot, RunscId.For(sandbox)));
        }
        Try(failures, () => DirectoryTree.Delete(bundle.ConsoleDirectory));
        if (File.Exists(bundle.Address))
            Try(failures, () => RemoveDeadSocket(File.ReadAllText(bundle.Address)));
        Try(failures, () => RemovePartialImage(bundle));
        // Last, since a file server that is gone may block it.
        Try(failures, () => FileStores.UnmountAndRemoveFrom(bundle.Rootfs, spec?.SandboxId ?? arguments.Id));
        foreach (string failure in failures)
            StandardStreams.WriteErrorLine($"delete {arguments.Id}: {failure}");
        StandardIo.Write(new DeleteResponse
        {
            ExitStatus = KilledStatus,
            ExitedAt = Timestamp.FromDateTimeOffset(DateTimeOffset.UtcNow),
        }.ToByteArray());
        return 0;
    }

    private static BundleState? DefaultState(ShimArguments arguments, ContainerSpec? spec)
    {
        try
        {
            return BundleState.For(arguments.Id, arguments.Namespace, ConfigurationFile.ReadDefault([])) with
            {
                OwnCgroup = spec?.CgroupsPath,
            };
        }
        catch (ConfigurationException)
        {
            // A container that was never created leaves nothing to delete, and the configuration may be the reason.
            return null;
        }
    }

    /// <summary>Whether a shim serves the bundle's container.</summary>
    private static bool IsServed(Bundle bundle) =>
        File.Exists(bundle.Address) && ShimSocket.FromAddress(File.ReadAllText(bundle.Address)) is { } socket
        && UnixSocket.IsServed(socket.Path);

    private static ContainerSpec? SpecOf(Bundle bundle)
    {
        try
        {
            return ContainerSpec.Read(bundle.Specification);
        }
        catch (RefusedException)
        {
            return null; // a bundle without a specification never had a container
        }
    }

    /// <summary>Removes the socket of a shim that was killed, but not that of a shim that still runs.</summary>
    private static void RemoveDeadSocket(string address)
    {
        if (ShimSocket.FromAddress(address) is { } socket)
            socket.RemoveIfStale();
    }

    /// <summary>Removes the image that a shim was writing when it was killed.</summary>
    private static void RemovePartialImage(Bundle bundle)
    {
        if (!File.Exists(bundle.PartialImage))
            return;
        NewImage.RemovePartial(File.ReadAllText(bundle.PartialImage));
        File.Delete(bundle.PartialImage);
    }

    private static void Try(List<string> failures, Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or RunscException)
        {
            failures.Add(e.Message);
        }
    }
}
