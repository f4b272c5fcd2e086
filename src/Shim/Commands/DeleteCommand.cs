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

namespace Shim.Commands;

/// <summary>
/// <c>delete</c>: removes what is left of one container, and nothing else. containerd runs it after every deletion and
/// when it has lost the shim, so it may run at any time and more than once.
/// </summary>
/// <remarks>
/// It touches neither the shim nor other containers of the sandbox: in a pod the shim continues to serve them. A
/// missing or torn <c>state.json</c> is not an error; then the default configuration says where runsc's state would be.
/// </remarks>
internal static class DeleteCommand
{
    private const uint KilledStatus = 128 + Signals.SIGKILL;
    private static readonly TimeSpan s_runscBound = TimeSpan.FromSeconds(3);

    public static int Run(ShimArguments arguments)
    {
        arguments.RequireIds("delete");
        var bundle = new Bundle(Path.GetFullPath(arguments.Bundle.Length > 0 ? arguments.Bundle : "."));
        List<string> failures = [];
        BundleState? state = BundleState.Load(bundle) ?? DefaultState(arguments);
        if (state is not null)
        {
            Try(failures, () => DeleteFromRunsc(state, bundle));
            Try(failures, () => RunscStateFile.RemoveLocks(state.RunscRoot, state.RunscId));
            string root = Path.GetDirectoryName(state.RunscRoot)!;
            Try(failures, () => RemoveDeadSocket(HibernateServer.PathOf(root, arguments.Id)));
            // The sandbox may have been deleted while runsc looked through its containers for this one: then its locks
            // remain, and the last container removes them.
            if (SpecOf(bundle)?.SandboxId is { } sandbox)
                Try(failures, () => RunscStateFile.RemoveLocks(state.RunscRoot, RunscId.For(sandbox)));
        }
        Try(failures, () => Mounts.UnmountAll(bundle.Rootfs));
        Try(failures, () => DirectoryTree.Delete(bundle.ConsoleDirectory));
        if (File.Exists(bundle.Address))
            Try(failures, () => RemoveDeadSocket(File.ReadAllText(bundle.Address)));
        Try(failures, () => RemovePartialImage(bundle));
        foreach (string failure in failures)
            StandardStreams.WriteErrorLine($"delete {arguments.Id}: {failure}");
        StandardIo.Write(new DeleteResponse
        {
            ExitStatus = KilledStatus,
            ExitedAt = Timestamp.FromDateTimeOffset(DateTimeOffset.UtcNow),
        }.ToByteArray());
        return 0;
    }

    private static BundleState? DefaultState(ShimArguments arguments)
    {
        try
        {
            return BundleState.For(arguments.Id, arguments.Namespace, ConfigurationFile.ReadDefault([]));
        }
        catch (ConfigurationException)
        {
            // A container that was never created leaves nothing to delete, and the configuration may be the reason.
            return null;
        }
    }

    private static void DeleteFromRunsc(BundleState state, Bundle bundle)
    {
        if (RunscStateFile.Find(state.RunscRoot, state.RunscId) is null)
            return;
        // runsc does not delete from a paused sandbox. A shim that still serves resumes it itself.
        if (!IsServed(bundle))
            foreach (string paused in RunscStateFile.PausedBeside(state.RunscRoot, state.RunscId))
                RunRunsc(state, bundle, RunscArguments.Resume(paused), out _);
        // The shim that died is no longer the sandbox's parent, so another process reaps the sandbox.
        int status = RunRunsc(state, bundle, RunscArguments.DeleteForce(state.RunscId), out byte[] errors);
        if (status != 0 && !RunscLeftovers.Remove(
            state.RunscRoot, state.RunscId, CgroupHierarchies.Read(), SpecOf(bundle)?.CgroupsPath))
            throw RunscLog.Failure("delete", status, [], errors);
    }

    private static bool IsServed(Bundle bundle) =>
        File.Exists(bundle.Address) && ShimSocket.FromAddress(File.ReadAllText(bundle.Address)) is { } socket
        && UnixSocket.IsListening(socket.Path);

    /// <returns>The exit status.</returns>
    private static int RunRunsc(BundleState state, Bundle bundle, List<string> command, out byte[] errors)
    {
        using Descriptor stderr = MemoryFile.Create("runsc-stderr");
        List<string> argv = [state.Binary, .. RunscArguments.Global(state.ToSettings(), bundle.RunscLog), .. command];
        ProcessExit exit = ShortCommand.Run(RunscProcess.Request(argv, [null, null, stderr]), s_runscBound);
        errors = MemoryFile.Read(stderr, 1 << 16);
        return exit.ExitCode;
    }

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
