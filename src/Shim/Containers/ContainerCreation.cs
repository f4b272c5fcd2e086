using Linux;
using Shim.Bundles;
using Shim.Configuration;
using Shim.Io;
using Shim.Oci;
using Shim.Runsc;

namespace Shim.Containers;

/// <summary>
/// A container that is being created: the steps that a sandbox's first container and one that joins a sandbox have in
/// common, each with its undo.
/// </summary>
internal sealed class ContainerCreation
{
    private const string RestoreSpecValidation = "restore-spec-validation";
    private static readonly TimeSpan s_killBound = TimeSpan.FromSeconds(10);

    private readonly ShimContext _context;
    private readonly string? _panicLog;

    public ContainerCreation(ShimContext context, CreateRequest request, ContainerSpec spec, Undo undo)
    {
        _context = context;
        Request = request;
        Spec = spec;
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
        if (State.Flags.ContainsKey(RestoreSpecValidation) || !await Runsc.HasFlagAsync(RestoreSpecValidation))
            return;
        var flags = new SortedDictionary<string, string>(StringComparer.Ordinal) { [RestoreSpecValidation] = "warning" };
        foreach ((string flag, string value) in State.Flags)
            flags[flag] = value;
        State = State with { Flags = flags };
        Runner = new RunscRunner(_context.Processes, _context.Time, State.ToSettings(_panicLog));
    }

    /// <summary>
    /// Writes <c>state.json</c>, before anything else is done: a <c>delete</c> without this shim finds there how to clean
    /// up. If the undo could not clean up, the file stays.
    /// </summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void SaveState()
    {
        Undo.AddUnlessFailed($"remove {Bundle.State}", () => File.Delete(Bundle.State));
        State.Save(Bundle);
    }

    /// <summary>Mounts the root file system.</summary>
    /// <exception cref="IOException">A mount failed.</exception>
    public Task MountRootfsAsync()
    {
        Undo.Add("unmount the root file system", () => _context.Blocking.UnmountAsync(Bundle.Rootfs));
        return _context.Blocking.MountAsync(Request.Rootfs, Bundle.Rootfs);
    }

    /// <summary>Opens the standard streams.</summary>
    /// <exception cref="IOException">A stream cannot be opened.</exception>
    /// <exception cref="FormatException">A stdio URI is not understood.</exception>
    public async Task<ProcessStdio> OpenStdioAsync()
    {
        ProcessStdio stdio = await _context.Stdio.OpenAsync(Request.Stdio, StdioOwner);
        Undo.Add("close the standard streams", async () =>
        {
            await stdio.DisposeAsync();
            DirectoryTree.Delete(Bundle.ConsoleDirectory);
        });
        return stdio;
    }

    /// <summary>Creates the container in runsc.</summary>
    /// <param name="stdio">Its standard streams; a sandbox's first container gets them here.</param>
    /// <param name="fileSystems">The image from which the sandbox's file systems are restored; null: none.</param>
    /// <returns>The sandbox's process.</returns>
    /// <exception cref="RunscException">runsc could not create it.</exception>
    public async Task<int> CreateInRunscAsync(ProcessStdio stdio, RestoreSettings? fileSystems = null)
    {
        Undo.AddFile(Bundle.RunscLog);
        Undo.AddFile(Bundle.PidFile);
        Undo.Add("remove the container from runsc", RemoveFromRunscAsync);
        string? userLog = Spec.IsSandbox && LogDirectory is not null ? Path.Combine(LogDirectory, "gvisor.log") : null;
        await Runsc.CreateAsync(State.RunscId, Spec.IsSandbox, Bundle.Path, Bundle.PidFile, stdio.ConsoleSocket, userLog,
            Bundle.RunscLog, Spec.IsSandbox ? stdio.Descriptors : [], fileSystems);
        return PidFile.Read(Bundle.PidFile);
    }

    /// <summary>
    /// Removes what a failed create may have left. One that was killed half-way has not recorded its sandbox and gofer;
    /// they are orphans that this process inherited, and all have the container's log on their command lines.
    /// </summary>
    private async Task RemoveFromRunscAsync()
    {
        await Runsc.DeleteAsync(State.RunscId, Bundle.RunscLog);
        if (!Spec.IsSandbox)
            return;
        foreach (int child in ProcFs.Children(Environment.ProcessId))
            if (ProcFs.CommandLine(child).Contains($"--log={Bundle.RunscLog}", StringComparison.Ordinal)
                && Signals.Send(child, Signals.SIGKILL))
                await _context.Processes.WatchAsync(child).WaitAsync(s_killBound, _context.Time);
    }
}
