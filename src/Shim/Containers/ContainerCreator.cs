using Linux;
using Shim.Bundles;
using Shim.Checkpoints;
using Shim.Configuration;
using Shim.Events;
using Shim.Io;
using Shim.Oci;
using Shim.Runsc;
using Shim.Sandboxes;
using Shim.Volumes;

namespace Shim.Containers;

/// <summary>Creates containers. One that cannot be created leaves nothing behind.</summary>
internal sealed class ContainerCreator(ShimContext context, ContainerStore store)
{
    private readonly VolumeSetup _volumes = new(context);
    private readonly RestoreSetup _restores = new(context);

    /// <summary>Creates a container, and its sandbox if it is the sandbox's first.</summary>
    /// <param name="request">What it is created from.</param>
    /// <param name="configure">Reads the configuration, which may take long; null: the request has it.</param>
    /// <param name="caller">Cancelled when the caller is gone: then the create is given up.</param>
    /// <exception cref="RefusedException">
    /// The request makes no sense, the container's sandbox is not there, or nobody wants the container any more.
    /// </exception>
    /// <exception cref="RunscException">runsc could not create it.</exception>
    /// <exception cref="IOException">
    /// A mount or a stream could not be opened, or a file could not be written.
    /// </exception>
    /// <exception cref="CheckpointException">It cannot be restored from the named image.</exception>
    /// <exception cref="VolumeException">The annotations or the mounts ask for volumes that are impossible.</exception>
    /// <exception cref="FormatException">A stdio URI is not understood.</exception>
    public async Task<Container> CreateAsync(CreateRequest request, Func<Task<ShimConfiguration>>? configure = null,
        CancellationToken caller = default)
    {
        Identifier.Require(request.Id, "container id");
        if (!request.Bundle.Path.StartsWith('/'))
            throw new RefusedException(Refusal.InvalidArgument,
                $"container {request.Id}: the bundle \"{request.Bundle.Path}\" is not an absolute path");
        var pending = new PendingCreate(request.Id, request.Bundle);
        store.Reserve(pending);
        var undo = new Undo(request.Id, context.Log);
        undo.Add("release the id", () => store.Release(pending));
        try
        {
            if (configure is not null)
                request = request with { Configuration = await configure() };
            ContainerSpec spec = ContainerSpec.Read(request.Bundle.Specification);
            spec.Terminal = request.Stdio.Terminal;
            pending.Watch(context.Time, caller);
            undo.Add("remove what became of the bundle", () => RemoveIfEmpty(request.Bundle));
            var creation = new ContainerCreation(context, request, spec, pending, undo);
            return spec.IsSandbox ? await CreateSandboxAsync(creation) : await JoinSandboxAsync(creation);
        }
        catch (Exception e)
        {
            context.Log.CreateFailed(request.Id, e);
            await undo.RunAsync();
            throw;
        }
    }

    private async Task<Container> CreateSandboxAsync(ContainerCreation creation)
    {
        (CreateRequest request, ContainerSpec spec) = (creation.Request, creation.Spec);
        ShimConfiguration configuration = request.Configuration;

        // From which images it is to be restored, and whether it can be, before anything is done.
        RestoreAnnotations annotations = RestoreAnnotations.Parse(spec.Annotations);
        await _restores.RequireAllowedCheckpointsAsync(spec, configuration);
        using OpenDirectory? fileSystems = await _restores.OpenFileSystemsAsync(spec, annotations, configuration);
        CheckpointImage? image = await _restores.OpenImageAsync(
            request.Id, request.Checkpoint, spec, annotations, configuration, creation.Runsc);
        if (image is not null)
            creation.Undo.Add($"close {image.Path}", image.Dispose);
        if (image is not null && spec.IsOfPod)
            await creation.RelaxSpecValidationAsync();

        creation.SaveState();
        creation.Undo.AddFile(request.Bundle.Volumes);
        VolumeDecisions volumes = await _volumes.SetUpSandboxAsync(
            request.Id, request.Bundle, spec, creation.State.RunscRoot, configuration, image?.Record?.Volumes);
        await creation.MountRootfsAsync();
        ProcessStdio stdio = await creation.OpenStdioAsync();
        int pid = await creation.CreateInRunscAsync(stdio, fileSystems is null
            ? null : new RestoreSettings(fileSystems.PathForOthers, annotations.FileSystemsDirect));
        await stdio.HandedOverAsync();

        Sandbox sandbox = Sandbox.Open(context, request.Id, pid, context.Processes.WatchAsync(pid), creation.Runner,
            creation.State.RunscId, request.Bundle.RunscLog, volumes, spec.Namespace);
        await sandbox.Limits.HoldAsync(spec);
        int? place = image is null ? null : RestoreFrom(image, sandbox, annotations, configuration).Add(spec.Name);
        sandbox.WatchOutOfMemory();
        return Finish(creation, sandbox, stdio, place);
    }

    private async Task<Container> JoinSandboxAsync(ContainerCreation creation)
    {
        (CreateRequest request, ContainerSpec spec) = (creation.Request, creation.Spec);
        Sandbox? sandbox = FindSandbox(request, spec);
        await _restores.RequireAllowedCheckpointsAsync(spec, request.Configuration);
        int? place = await _restores.PlaceInImageAsync(request.Id, spec.Name, request.Checkpoint, sandbox);
        if (place is { } taken)
            creation.Undo.Add("give back its place in the image", () => sandbox!.Restore!.Remove(taken));

        creation.SaveState();
        await _volumes.SetUpContainerAsync(request.Id, request.Bundle, spec, request.Configuration, sandbox);
        await creation.MountRootfsAsync();
        ProcessStdio stdio = await creation.OpenStdioAsync();
        if (sandbox is null)
        {
            // Without grouping the sandbox is another shim's child.
            int pid = await creation.CreateInRunscAsync(stdio);
            var foreign = Sandbox.Open(context, spec.SandboxId!, pid, ForeignProcess.WatchEndAsync(context.Loop, pid),
                creation.Runner, creation.State.RunscId, request.Bundle.RunscLog);
            return Finish(creation, foreign, stdio, place);
        }
        creation.Undo.Add("give back its limits", () => sandbox.Limits.RemoveAsync(request.Id));
        await sandbox.Limits.AddAsync(request.Id, spec.Resources);
        while (sandbox.IsBeingSaved)
            await creation.Pending.WhileWantedAsync(sandbox.Saved);
        // So that the next checkpoint sees the container.
        return await sandbox.ActAsync(async () =>
        {
            try
            {
                RequireJoinable(request.Id, sandbox);
                await creation.CreateInRunscAsync(stdio);
                return Finish(creation, sandbox, stdio, place);
            }
            catch
            {
                // runsc does not delete from a paused sandbox, and a pause may be waiting.
                await creation.Undo.RunAsync();
                throw;
            }
        });
    }

    /// <summary>The container exists: from now on it is the sandbox's, the store's and containerd's.</summary>
    /// <exception cref="RefusedException">Nobody wants it any more.</exception>
    private Container Finish(ContainerCreation creation, Sandbox sandbox, ProcessStdio stdio, int? place)
    {
        creation.Pending.RequireWanted();
        CreateRequest request = creation.Request;
        var init = new ContainerProcess(request.Id, $"container {request.Id}", request.Stdio, stdio)
        {
            Pid = sandbox.Pid,
        };
        var container = new Container(context, store, creation, sandbox, init, place);
        sandbox.Add(container);
        store.Add(container);
        context.Events.Publish(TaskEvents.Created(request.Id, request.Bundle.Path, request.Rootfs, request.Stdio,
            request.Checkpoint, sandbox.Pid));
        context.Log.Created(request.Id, sandbox.Id, sandbox.Pid);
        container.WatchEnd();
        return container;
    }

    private static SandboxRestore RestoreFrom(
        CheckpointImage image, Sandbox sandbox, RestoreAnnotations annotations, ShimConfiguration configuration)
    {
        RestoreConfiguration defaults = configuration.Restore;
        var settings = new RestoreSettings(image.PathForRunsc, annotations.Direct ?? defaults.Direct,
            annotations.Background ?? defaults.Background);
        return sandbox.RestoreFrom(image, settings, defaults.Timeout);
    }

    /// <returns>The sandbox; null if it is another shim's.</returns>
    private Sandbox? FindSandbox(CreateRequest request, ContainerSpec spec)
    {
        if (spec.SandboxId is not { } id)
            throw new RefusedException(Refusal.InvalidArgument,
                $"container {request.Id} is to join a sandbox, but no annotation of its specification names one");
        Sandbox? sandbox = store.FindSandbox(id);
        if (sandbox is null && request.Configuration.Grouping)
            throw new RefusedException(Refusal.WrongState,
                $"container {request.Id} is to join sandbox {id}, which this shim does not have");
        if (sandbox is not null)
            RequireJoinable(request.Id, sandbox);
        return sandbox;
    }

    /// <summary>
    /// containerd may have removed the bundle while the container was created in it. Newer releases of runsc make the
    /// directory again for their log, and then containerd could create no container of this name.
    /// </summary>
    private static void RemoveIfEmpty(Bundle bundle)
    {
        if (!bundle.Exists && Directory.Exists(bundle.Path) && !Directory.EnumerateFileSystemEntries(bundle.Path).Any())
            Directory.Delete(bundle.Path);
    }

    private static void RequireJoinable(string id, Sandbox sandbox) =>
        sandbox.RequireRunning($"create container {id} in a sandbox");
}
