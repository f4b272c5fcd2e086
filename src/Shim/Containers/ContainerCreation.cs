using Linux;
using Shim.Bundles;
using Shim.Configuration;
using Shim.Io;
using Shim.Oci;
using Shim.Runsc;
using Shim.Volumes;

namespace Shim.Containers;

/// <summary>
/// A container that is being created: the steps that a sandbox's first container and one that joins a sandbox have in
/// common, each with its undo.
/// </summary>
internal sealed class ContainerCreation
{
    private static readonly TimeSpan s_killBound = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(5);

    /// <summary>
    /// A process that somebody else has killed, such as <c>delete</c>, has no command line any more, but it still
    /// listens and is in its cgroup for a moment.
    /// </summary>
    private static readonly TimeSpan s_exitBound = TimeSpan.FromSeconds(1);

    private readonly ShimContext _context;
    private readonly string? _panicLog;

    public ContainerCreation(
        ShimContext context, CreateRequest request, ContainerSpec spec, PendingCreate pending, Undo undo)
    {
        _context = context;
        Request = request;
        Spec = spec;
        Pending = pending;
        Undo = undo;
        LogDirectory = spec.SandboxLogDirectory is { } directory && Directory.Exists(directory) ? directory : null;
        _panicLog = LogDirectory is null ? null : Path.Combine(LogDirectory, "gvisor_panic.log");
        State = BundleState.For(request.Id, context.Namespace, request.Configuration);
        Runner = new RunscRunner(context.Processes, context.Time, State.ToSettings(_panicLog));
        StdioOwner = new StdioOwner(request.Id, context.Namespace, request.Bundle.ConsoleDirectory,
            request.Configuration.IoUid, request.Configuration.IoGid);
    }

    /// <summary>The request.</summary>
    public CreateRequest Request { get; }

    /// <summary>The container's specification.</summary>
    public ContainerSpec Spec { get; }

    /// <summary>Whether the container is still wanted.</summary>
    public PendingCreate Pending { get; }

    /// <summary>Undoes what was done so far.</summary>
    public Undo Undo { get; }

    /// <summary>The pod's log directory; null if there is none.</summary>
    public string? LogDirectory { get; }

    /// <summary>The record for a later <c>delete</c>.</summary>
    public BundleState State { get; private set; }

    /// <summary>runsc, with the container's settings.</summary>
    public RunscRunner Runner { get; private set; }

    /// <summary>runsc's commands.</summary>
    public RunscCommands Runsc => new(Runner, _context.Features);

    /// <summary>Whose standard streams they are.</summary>
    public StdioOwner StdioOwner { get; }

    private Bundle Bundle => Request.Bundle;

    private ShimConfiguration Configuration => Request.Configuration;

    /// <summary>
    /// Newer releases compare a restored container's specification with that in the image, and a pod's cgroup, which is
    /// in it, is another one in every pod. A value in the administrator's configuration is kept.
    /// </summary>
    public async Task RelaxSpecValidationAsync()
    {
        if (State.Flags.ContainsKey(RunscArguments.RestoreSpecValidation)
            || !await Runsc.HasFlagAsync(RunscArguments.RestoreSpecValidation))
            return;
        var flags = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach ((string flag, string value) in State.Flags)
            flags[flag] = value;
        flags[RunscArguments.RestoreSpecValidation] = "warning";
        State = State with { Flags = flags };
        Runner = new RunscRunner(_context.Processes, _context.Time, State.ToSettings(_panicLog));
    }

    /// <summary>
    /// Writes <c>state.json</c>, before anything else is done: a <c>delete</c> without this shim finds there how to
    /// clean up. If the undo could not clean up, the file stays.
    /// </summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void SaveState()
    {
        State = State with { OwnCgroup = RunscLeftovers.NewCgroup(_context.Cgroups, Spec.CgroupsPath) };
        Undo.AddUnlessFailed($"remove {Bundle.State}", () => Undo.Delete(Bundle.State));
        State.Save(Bundle);
    }

    /// <summary>Mounts the root file system.</summary>
    /// <exception cref="IOException">A mount failed.</exception>
    /// <exception cref="RefusedException">The container is no longer wanted, or a mount is not possible.</exception>
    public async Task MountRootfsAsync()
    {
        Pending.RequireWanted();
        // What others mounted there is not ours to unmount.
        if (Request.Rootfs.Count == 0)
            return;
        Undo.Add("unmount the root file system", () => _context.Blocking.UnmountAsync(Bundle.Rootfs));
        List<MountSpec> next = [];
        foreach (MountSpec mount in Request.Rootfs)
            if (MountHelper.Of(mount.Type) is { } helper)
            {
                await MountAsync(next);
                await new MountHelper(_context.Processes, _context.Time).MountAsync(helper, mount, Bundle.Rootfs);
            }
            else
                next.Add(mount);
        await MountAsync(next);
    }

    private async Task MountAsync(List<MountSpec> mounts)
    {
        if (mounts.Count > 0)
            await _context.Blocking.MountAsync([.. mounts], Bundle.Rootfs);
        mounts.Clear();
    }

    /// <summary>Opens the standard streams.</summary>
    /// <exception cref="IOException">A stream cannot be opened.</exception>
    /// <exception cref="FormatException">A stdio URI is not understood.</exception>
    /// <exception cref="RefusedException">The container is no longer wanted.</exception>
    public async Task<ProcessStdio> OpenStdioAsync()
    {
        Pending.RequireWanted();
        ProcessStdio stdio = await _context.Stdio.OpenAsync(Request.Stdio, StdioOwner);
        Undo.Add("close the standard streams", async () =>
        {
            await stdio.DisposeAsync();
            DirectoryTree.Delete(Bundle.ConsoleDirectory);
        });
        return stdio;
    }

    /// <summary>Creates the container in runsc, and records its sandbox for a later <c>delete</c>.</summary>
    /// <param name="stdio">Its standard streams; a sandbox's first container gets them here.</param>
    /// <param name="fileSystems">The image from which the sandbox's file systems are restored; null: none.</param>
    /// <returns>The sandbox's process.</returns>
    /// <exception cref="RunscException">runsc could not create it.</exception>
    /// <exception cref="RefusedException">The container is no longer wanted.</exception>
    public async Task<int> CreateInRunscAsync(ProcessStdio stdio, RestoreSettings? fileSystems = null)
    {
        Pending.RequireWanted();
        RequireUnknownToRunsc();
        Undo.AddFile(Bundle.RunscLog);
        Undo.AddFile(Bundle.PidFile);
        Undo.Add("remove the container from runsc", RemoveFromRunscAsync);
        string? userLog = Spec.IsSandbox && LogDirectory is not null ? Path.Combine(LogDirectory, "gvisor.log") : null;
        await Runsc.CreateAsync(State.RunscId, Spec.IsSandbox, Bundle.Path, Bundle.PidFile, stdio.ConsoleSocket,
            userLog, Bundle.RunscLog, Spec.IsSandbox ? stdio.Descriptors : [], Pending.GivenUp, fileSystems);
        Pending.RequireWanted();
        int pid = PidFile.Read(Bundle.PidFile);
        State = State with { Sandbox = ProcessIdentity.TryOf(pid) };
        State.Save(Bundle);
        return pid;
    }

    /// <summary>
    /// runsc refuses to create a container that it has, but older releases (20240729) remove the record of the other
    /// one when they do, and so lose it.
    /// </summary>
    /// <exception cref="RefusedException">runsc has a container of this id, of another bundle.</exception>
    private void RequireUnknownToRunsc()
    {
        string id = State.RunscId, root = State.RunscRoot;
        if (RunscStateFile.Find(root, id) is { } record && RunscStateFile.FindOwn(root, id, Bundle.Path) is null)
            throw new RefusedException(Refusal.AlreadyExists,
                $"cannot create container {Request.Id}: runsc already has a container of this name that was made from "
                + $"another bundle ({record}); delete that one, or give this containerd another root in the shim's "
                + "configuration");
    }

    /// <summary>Removes what a failed create may have left.</summary>
    private async Task RemoveFromRunscAsync()
    {
        // A command that a killed one has started creates the container still, if it is left alone.
        await KillRemainingAsync();
        try
        {
            await Runsc.DeleteAsync(State.RunscId, Bundle.Path, Bundle.RunscLog);
        }
        finally
        {
            await KillRemainingAsync();
            await _context.Blocking.RunAsync("remove what is left of", Request.Id, RemoveRemains);
        }
    }

    /// <summary>Removes what a killed runsc leaves. Blocks.</summary>
    private void RemoveRemains()
    {
        FileStores.RemoveFrom(Bundle.Rootfs, Spec.SandboxId ?? Request.Id);
        if (RunscStateFile.FindTorn(State.RunscRoot, State.RunscId) is { } torn)
            RunscStateFile.Remove(torn, Spec.IsSandbox ? State.RunscId : null);
        RunscLeftovers.Remove(State.RunscRoot, State.RunscId, _context.Cgroups, State.OwnCgroup, s_exitBound);
        RunscStateFile.RemoveRemains(State.RunscRoot, State.RunscId, s_exitBound);
    }

    /// <summary>
    /// Kills what works for the container. Orphans are this process's children, and those that one of them leaves
    /// behind become so.
    /// </summary>
    private async Task KillRemainingAsync()
    {
        long start = _context.Time.GetTimestamp();
        bool found;
        do
        {
            found = false;
            bool isHidden = false;
            foreach (int child in ProcFs.Children(Environment.ProcessId))
                if (RunscProcesses.IsOf(child, Bundle.RunscLog) && Signals.Send(child, Signals.SIGKILL))
                {
                    found = true;
                    await _context.Processes.WatchAsync(child).WaitAsync(s_killBound, _context.Time);
                }
                else
                    isHidden |= RunscProcesses.IsHidden(child);
            // Whatever it is and has started, is seen in a moment.
            if (!found && isHidden)
            {
                found = true;
                await Task.Delay(s_look, _context.Time);
            }
        }
        while (found && _context.Time.GetElapsedTime(start) < s_killBound);
    }
}
