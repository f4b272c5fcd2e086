using System.Globalization;
using Linux;
using Shim.Bundles;
using Shim.Oci;
using Shim.Runsc;

namespace Shim.Commands;

/// <summary>
/// Removes a container from runsc, with its processes. If no shim serves it any more, its sandbox is killed: by the
/// process that the bundle records, or, where a create was cut off before that, by what has the bundle's log on its
/// command line.
/// </summary>
/// <remarks>Three steps, each of which is taken whether the one before it succeeded or not.</remarks>
internal sealed class RunscRemoval
{
    /// <summary>Kept for what is removed without runsc.</summary>
    private static readonly TimeSpan s_kept = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_resumeBound = TimeSpan.FromMilliseconds(700);
    private static readonly TimeSpan s_keptForFiles = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(5);

    private readonly BundleState _state;
    private readonly Bundle _bundle;
    private readonly Budget _budget;
    private readonly bool _ownsSandbox;
    private readonly ShimDaemon _shim;
    private readonly bool _isServed;
    private readonly bool _mayRun;

    /// <param name="arguments">The command line of <c>delete</c>.</param>
    /// <param name="state">How the container was created.</param>
    /// <param name="bundle">Its bundle.</param>
    /// <param name="spec">Its specification; null if it has none.</param>
    /// <param name="budget">The time for all of the clean-up.</param>
    /// <param name="isServed">Whether a shim serves the container still.</param>
    public RunscRemoval(ShimArguments arguments, BundleState state, Bundle bundle, ContainerSpec? spec, Budget budget,
        bool isServed)
    {
        _shim = new ShimDaemon(arguments.Namespace, spec?.SandboxId ?? arguments.Id, arguments.Address);
        _state = state;
        _bundle = bundle;
        _budget = budget;
        _ownsSandbox = spec?.IsSandbox ?? true;
        _isServed = isServed;
        // A create that was cut off has started processes that are recorded nowhere.
        bool isCutOff = state.Sandbox is null && File.Exists(bundle.State);
        _mayRun = !_isServed && (isCutOff || (_ownsSandbox && SandboxIsAlive));
    }

    private string? Record => RunscStateFile.FindOwn(_state.RunscRoot, _state.RunscId, _bundle.Path);

    private bool SandboxIsAlive => _state.Sandbox is { IsAlive: true };

    /// <summary>
    /// Kills what no shim serves any more. runsc could wait for a sandbox that hangs, or that is stopped.
    /// </summary>
    /// <exception cref="IOException">/proc cannot be read, or a process cannot be killed.</exception>
    public void KillUnserved()
    {
        if (_mayRun)
            KillAll();
    }

    /// <summary>Has runsc delete the container, if it has it.</summary>
    /// <exception cref="RunscException">It failed, or took too long.</exception>
    /// <exception cref="IOException">runsc cannot be started.</exception>
    public void AskRunsc()
    {
        if (Record is null)
            return;
        // runsc does not delete from a paused sandbox. A shim that still serves resumes it itself.
        if (!_isServed && SandboxIsAlive)
            foreach (string paused in RunscStateFile.PausedBeside(_state.RunscRoot, _state.RunscId))
                if (RunRunsc(RunscArguments.Resume(paused), s_resumeBound, out _) != 0)
                    break;
        // The shim that died is no longer the sandbox's parent, so another process reaps the sandbox.
        int status = RunRunsc(RunscArguments.DeleteForce(_state.RunscId), _budget.LeftBut(s_kept), out byte[] errors);
        if (status != 0 && Record is not null)
            throw RunscLog.Failure("delete", status, [], errors);
    }

    /// <summary>Removes what runsc did not. What a shim still serves is that shim's to remove.</summary>
    /// <exception cref="IOException">A process or a file cannot be removed.</exception>
    public void RemoveRest()
    {
        // A create that is cut off here may write the record until it is dead.
        if (_mayRun)
            KillAll();
        string? record = _isServed ? null : Record;
        if (record is null && _mayRun)
            record = RunscStateFile.FindTorn(_state.RunscRoot, _state.RunscId);
        if (record is not null && !_mayRun)
            KillAll();
        if (record is not null)
            RunscStateFile.Remove(record, _ownsSandbox ? _state.RunscId : null);
        // Also what somebody else has killed, such as the shim in its undo, takes a moment to be gone.
        TimeSpan patience = _isServed ? TimeSpan.Zero : _budget.LeftBut(s_keptForFiles);
        RunscLeftovers.Remove(
            _state.RunscRoot, _state.RunscId, CgroupHierarchies.Read(), _state.OwnCgroup, patience / 2);
        RunscStateFile.RemoveRemains(_state.RunscRoot, _state.RunscId, patience / 2);
    }

    /// <returns>The exit status.</returns>
    private int RunRunsc(List<string> command, TimeSpan bound, out byte[] errors)
    {
        using Descriptor stderr = MemoryFile.Create("runsc-stderr");
        List<string> argv =
            [_state.Binary, .. RunscArguments.Global(_state.ToSettings(), _bundle.RunscLog), .. command];
        ProcessExit exit = ShortCommand.Run(RunscProcess.Request(argv, [null, null, stderr]), bound);
        errors = MemoryFile.Read(stderr, 1 << 16);
        return exit.ExitCode;
    }

    /// <summary>
    /// Kills the container's processes, until there are none: one that is killed may just have started another.
    /// </summary>
    private void KillAll()
    {
        if (_ownsSandbox && _state.Sandbox is { } sandbox)
            sandbox.Kill();
        // Twice without one: a process that is just beginning another program has no command line for a moment.
        for (int without = 0; without < 2 && _budget.Left > TimeSpan.Zero; without++)
        {
            if (KillProcesses())
                without = -1;
            Thread.Sleep(s_pause);
        }
    }

    /// <returns>Whether there were any.</returns>
    private bool KillProcesses()
    {
        bool found = false;
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
            if (int.TryParse(Path.GetFileName(directory.AsSpan()), CultureInfo.InvariantCulture, out int pid)
                && WorksForContainer(ProcFs.CommandLine(pid)))
                found |= Signals.Send(pid, Signals.SIGKILL);
        return found;
    }

    private bool WorksForContainer(string commandLine) =>
        RunscProcesses.IsOf(commandLine, _bundle.RunscLog) || (!_isServed && _shim.Is(commandLine));
}
