using Containerd.Api.Events;
using Linux;
using Shim.Checkpoints;
using Shim.Configuration;
using Shim.Events;
using Shim.Io;
using Shim.Runsc;
using Shim.Volumes;

namespace Shim.Containers;

/// <summary>Makes containers. One that cannot be made leaves nothing behind.</summary>
public sealed class ContainerCreator(ContainerContext context)
{
    private static readonly TimeSpan s_killBound = TimeSpan.FromSeconds(10);

    private const string RestoreSpecValidation = "restore-spec-validation";

    private readonly VolumeSetup _volumes = new(context);
    private readonly RestoreSetup _restores = new(context);

    /// <summary>Makes a container, and its sandbox if it is the sandbox's first.</summary>
    /// <exception cref="ContainerException">The request makes no sense, or the container's sandbox is not there.</exception>
    /// <exception cref="RunscException">runsc could not make it.</exception>
    /// <exception cref="IOException">A mount or a stream could not be opened, or a file not be written.</exception>
    /// <exception cref="CheckpointException">It cannot come back from the image that is named.</exception>
    /// <exception cref="VolumeException">The pod's volumes cannot be as its annotations or the container's mounts want.</exception>
    /// <exception cref="FormatException">A stdio URI is not understood.</exception>
    public async Task<Container> CreateAsync(CreateRequest request)
    {
        Identifier.Require(request.Id, "container id");
        if (!request.Bundle.Path.StartsWith('/'))
            throw new ContainerException(Refusal.InvalidArgument,
                $"container {request.Id}: the bundle \"{request.Bundle.Path}\" is not an absolute path");
        context.Store.Reserve(request.Id);
        var undo = new Undo(request.Id, context.Log);
        undo.Add("release the id", () =>
        {
            context.Store.Release(request.Id);
            return Task.CompletedTask;
        });
        try
        {
            Container container = await CreateAsync(request, undo);
            context.Store.Add(container);
            context.Log.Created(container.Id, container.Sandbox.Id, container.Sandbox.Pid);
            return container;
        }
        catch (Exception e)
        {
            context.Log.CreateFailed(request.Id, e);
            await undo.TakeBackAsync();
            throw;
        }
    }

    private async Task<Container> CreateAsync(CreateRequest request, Undo undo)
    {
        Bundle bundle = request.Bundle;
        ContainerSpec spec = ContainerSpec.Read(bundle);
        Sandbox? sandbox = spec.IsSandbox ? null : FindSandbox(request, spec);
        var state = BundleState.For(request.Id, context.Namespace, request.Configuration);
        string? logDirectory = spec.SandboxLogDirectory is { } directory && Directory.Exists(directory) ? directory : null;
        string? panicLog = InDirectory(logDirectory, "gvisor_panic.log");
        RunscCommands commands = Commands(state, panicLog, out RunscRunner runner);

        // What is to come back from an image, and whether it can, before anything is done.
        RestoreAnnotations annotations = spec.IsSandbox ? RestoreAnnotations.Parse(spec.Annotations) : new RestoreAnnotations();
        using OpenDirectory? fileSystems = await _restores.OpenFileSystemsAsync(annotations, request.Configuration);
        CheckpointImage? image = spec.IsSandbox
            ? await _restores.OpenImageAsync(request, spec, annotations, commands, undo)
            : null;
        int? place = spec.IsSandbox ? null : await _restores.PlaceInImageAsync(request, spec, sandbox);
        if (place is { } taken)
            undo.Add("give its place in the image back", () =>
            {
                sandbox!.Restore!.Remove(taken);
                return Task.CompletedTask;
            });
        if (image is not null && spec.IsOfPod && await RelaxesComparisonAsync(commands, state))
        {
            state = state with { Flags = With(state.Flags, RestoreSpecValidation, "warning") };
            commands = Commands(state, panicLog, out runner);
        }

        // Before anything is done: whoever has to clean up without this shim finds here how.
        bool removedFromRunsc = true;
        undo.Add($"remove {bundle.State}", () =>
        {
            // Whoever cleans up later needs it where this could not.
            if (removedFromRunsc)
                File.Delete(bundle.State);
            return Task.CompletedTask;
        });
        state.Save(bundle);
        VolumeDecisions? volumes = null;
        if (spec.IsSandbox)
            volumes = await _volumes.SetUpSandboxAsync(
                request.Id, bundle, spec, state, request.Configuration, image?.Record?.Volumes, undo);
        else
            await _volumes.SetUpContainerAsync(bundle, spec, sandbox);

        undo.Add("unmount the root file system", () => context.UnmountAsync(bundle.Rootfs));
        await context.MountAsync(request.Rootfs, bundle.Rootfs);

        var owner = new StdioOwner(
            request.Id, context.Namespace, bundle.ConsoleDirectory, request.Configuration.IoUid, request.Configuration.IoGid);
        ProcessStdio stdio = await context.Stdio.OpenAsync(request.Stdio, owner);
        undo.Add("close the standard streams", async () =>
        {
            await stdio.DisposeAsync();
            DirectoryTree.Delete(bundle.ConsoleDirectory);
        });

        undo.AddFile(bundle.RunscLog);
        undo.AddFile(bundle.PidFile);
        undo.Add("remove the container from runsc", async () =>
        {
            removedFromRunsc = false;
            await RemoveAsync(commands, state.RunscId, bundle, spec.IsSandbox);
            removedFromRunsc = true;
        });
        // Into a sandbox that a checkpoint neither holds nor has ended meanwhile, and so that the next one sees the container.
        return sandbox is null ? await MakeAsync() : await sandbox.ActAsync(async () =>
        {
            RequireJoinable(request, sandbox);
            return await MakeAsync();
        });

        async Task<Container> MakeAsync()
        {
            await commands.CreateAsync(state.RunscId, spec.IsSandbox, bundle.Path, bundle.PidFile, stdio.ConsoleSocket,
                spec.IsSandbox ? InDirectory(logDirectory, "gvisor.log") : null, bundle.RunscLog,
                spec.IsSandbox ? stdio.Descriptors : [],
                fileSystems is null ? null : new RestoreSettings(fileSystems.PathForOthers, annotations.FileSystemsDirect));
            int pid = PidFile.Read(bundle.PidFile);
            if (spec.IsSandbox)
            {
                await stdio.HandedOverAsync();
                SandboxRestore? restore = RestoreOf(image, annotations, request);
                place = restore?.Add(spec.Name);
                sandbox = new Sandbox(request.Id, pid, context.Reaper.WatchAsync(pid))
                {
                    Volumes = volumes,
                    Restore = restore,
                    Cgroup = CgroupOf(pid),
                    Socket = SandboxSocket.Find(state.RunscRoot, state.RunscId, context.Time),
                };
                new OutOfMemoryEvents(sandbox, context).Start();
            }
            // Without grouping the sandbox is another shim's child.
            sandbox ??= new Sandbox(spec.SandboxId!, pid, ForeignProcess.WatchEndAsync(context.Loop, pid))
            {
                Cgroup = CgroupOf(pid),
                Socket = SandboxSocket.Find(state.RunscRoot, state.RunscId, context.Time),
            };

            var init = new ContainerProcess(request.Id, $"container {request.Id}", request.Stdio, stdio) { Pid = pid };
            var questions = new SandboxQuestions(
                sandbox.Socket, new RunscQuestions(runner, bundle.RunscLog),
                () => sandbox.Cgroup is { } group ? CgroupReader.CpuUsage(group) : null, sandbox.Died,
                reason => context.Log.SandboxSocketGivenUp(sandbox.Id, reason), context.Time);
            context.Events.Publish(TaskEvents.Of(CreatedMessage(request, pid)));
            return new Container(
                context, request.Id, bundle, sandbox, spec.IsSandbox, spec.CgroupsPath, init, owner, commands, questions, place)
            {
                Name = spec.Name,
                HasOwnPidNamespace = spec.HasOwnPidNamespace,
                CheckpointDefaults = new CheckpointSettings
                {
                    Compression = request.Configuration.Checkpoint.Compression,
                    Direct = request.Configuration.Checkpoint.Direct,
                    ExcludeCommittedZeroPages = request.Configuration.Checkpoint.ExcludeCommittedZeroPages,
                },
            };
        }
    }

    private SandboxRestore? RestoreOf(CheckpointImage? image, RestoreAnnotations annotations, CreateRequest request)
    {
        if (image is null)
            return null;
        RestoreConfiguration defaults = request.Configuration.Restore;
        return new SandboxRestore(request.Id, image,
            new RestoreSettings(
                image.PathForRunsc, annotations.Direct ?? defaults.Direct, annotations.Background ?? defaults.Background),
            defaults.Timeout, context.Log);
    }

    /// <summary>Without a cgroup of its own the sandbox is in the one that the shim was started in, containerd's perhaps.</summary>
    private Cgroup? CgroupOf(int sandboxPid)
    {
        Cgroup sandbox = Cgroup.OfProcess(context.Cgroups, sandboxPid);
        return sandbox.SameAs(Cgroup.OfProcess(context.Cgroups, Environment.ProcessId)) ? null : sandbox;
    }

    private RunscCommands Commands(BundleState state, string? panicLog, out RunscRunner runner)
    {
        runner = new RunscRunner(context.Reaper, context.Time, state.ToSettings(panicLog));
        return new RunscCommands(runner, context.Features);
    }

    /// <summary>
    /// Newer releases compare the specifications with those in the image, and a pod's cgroup, which is in them, is
    /// another one in every pod. An administrator who says how strictly has the last word.
    /// </summary>
    private static async Task<bool> RelaxesComparisonAsync(RunscCommands commands, BundleState state) =>
        !state.Flags.ContainsKey(RestoreSpecValidation) && await commands.HasFlagAsync(RestoreSpecValidation);

    private static SortedDictionary<string, string> With(IReadOnlyDictionary<string, string> flags, string flag, string value)
    {
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal) { [flag] = value };
        foreach ((string each, string its) in flags)
            all[each] = its;
        return all;
    }

    private Sandbox? FindSandbox(CreateRequest request, ContainerSpec spec)
    {
        if (spec.SandboxId is not { } id)
            throw new ContainerException(Refusal.InvalidArgument,
                $"container {request.Id} is to join a sandbox, but no annotation of its specification names one");
        Sandbox? sandbox = context.Store.FindSandbox(id);
        if (sandbox is null && request.Configuration.Grouping)
            throw new ContainerException(Refusal.WrongState,
                $"container {request.Id} is to join sandbox {id}, which this shim does not have");
        if (sandbox is not null)
            RequireJoinable(request, sandbox);
        return sandbox;
    }

    private static void RequireJoinable(CreateRequest request, Sandbox sandbox)
    {
        if (sandbox.Died.IsCompleted)
            throw new ContainerException(Refusal.WrongState,
                $"container {request.Id} is to join sandbox {sandbox.Id}, which has ended");
        if (sandbox.IsPaused)
            throw new ContainerException(Refusal.WrongState,
                $"container {request.Id} is to join sandbox {sandbox.Id}, which is paused");
    }

    /// <summary>
    /// Removes what a failed create may have left. One that was killed halfway has not recorded its sandbox and gofer;
    /// they are orphans that this process inherited, and all have the container's log on their command lines.
    /// </summary>
    private async Task RemoveAsync(RunscCommands commands, string id, Bundle bundle, bool isSandbox)
    {
        await commands.DeleteAsync(id, bundle.RunscLog);
        if (!isSandbox)
            return;
        foreach (int child in ProcFs.Children(Environment.ProcessId))
            if (ProcFs.CommandLine(child).Contains($"--log={bundle.RunscLog}", StringComparison.Ordinal)
                && Signals.Send(child, Signals.SIGKILL))
                await context.Reaper.WatchAsync(child).WaitAsync(s_killBound, context.Time);
    }

    private static string? InDirectory(string? directory, string name) =>
        directory is null ? null : Path.Combine(directory, name);

    private static TaskCreate CreatedMessage(CreateRequest request, int pid)
    {
        var message = new TaskCreate
        {
            ContainerId = request.Id,
            Bundle = request.Bundle.Path,
            Io = new TaskIO
            {
                Stdin = request.Stdio.Stdin,
                Stdout = request.Stdio.Stdout,
                Stderr = request.Stdio.Stderr,
                Terminal = request.Stdio.Terminal,
            },
            Pid = (uint)pid,
        };
        foreach (MountSpec mount in request.Rootfs)
        {
            var rootfs = new Containerd.Api.Types.Mount { Type = mount.Type, Source = mount.Source, Target = mount.Target };
            rootfs.Options.AddRange(mount.Options);
            message.Rootfs.Add(rootfs);
        }
        return message;
    }
}
