using System.Diagnostics;
using Linux;
using Testing;

namespace EndToEnd.Model;

/// <summary>
/// What a client of containerd may see of one task: a small model, and random calls by <c>ctr</c> against it, while the
/// shim, runsc's commands, the sandbox, the client and containerd are killed. Whenever there is no task, nothing of it
/// is left on the machine.
/// </summary>
/// <param name="daemon">A containerd that runs nothing else.</param>
/// <param name="id">The container.</param>
/// <param name="seed">Of the random calls.</param>
internal sealed class TaskModel(Daemon daemon, string id, int seed)
{
    private const string None = "", Created = "CREATED", Running = "RUNNING", Paused = "PAUSED", Stopped = "STOPPED";
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(80);
    private static readonly TimeSpan s_settled = TimeSpan.FromMilliseconds(400);

    private readonly Random _random = new(seed);
    private readonly List<string> _done = [];
    private readonly Leftovers _leftovers = Leftovers.Before(daemon);
    private string _state = None;
    private Term _term; // sent while it was paused
    private int _execs;

    /// <summary>The number of calls so far.</summary>
    public int Calls { get; private set; }

    /// <summary>The number of kills so far.</summary>
    public int Kills { get; private set; }

    /// <summary>Makes some random calls, and then removes the container.</summary>
    /// <exception cref="ModelException">What containerd shows is not what the model allows.</exception>
    public async Task RunAsync(int steps)
    {
        // A script in a file: `ctr` 1.6 takes the -c of `sh -c` for its own.
        string script = Path.Combine(daemon.Directory, $"{id}.sh");
        await File.WriteAllTextAsync(script, "trap 'exit 7' TERM; while :; do sleep 0.05; done");
        (await daemon.CtrAsync("containers", "create", "--runtime", "io.containerd.runsc.v1", "--runtime-config-path",
            daemon.ShimConfiguration, "--mount", $"type=bind,src={script},dst=/script,options=rbind:ro",
            Tools.ImageName, id, "sh", "/script")).Succeeded();
        try
        {
            for (int step = 0; step < steps; step++)
                await StepAsync();
            await daemon.CtrAsync("tasks", "delete", "-f", id);
            await RequireSettledAsync([None]);
        }
        catch (Exception e)
        {
            throw new ModelException(
                $"task {id} on containerd {daemon.Version}, seed {seed}, after {string.Join(", ", _done)}: {e}");
        }
        (await daemon.CtrAsync("containers", "rm", id)).Succeeded();
    }

    private async Task StepAsync()
    {
        (string[] call, string[] after) = NextCall();
        string state = _state == None ? "none" : _state;
        Calls++;
        bool sendsTerm = call.Contains("TERM") && _state == Paused;
        if (_random.Next(3) != 0)
        {
            _done.Add($"{string.Join(' ', call[1..^1])} ({state})");
            CommandResult result = await daemon.CtrAsync(call);
            if (after.Length > 0)
                result.Succeeded();
            else
                result.Failed();
            await RequireSettledAsync(after.Length > 0 ? after : [_state]);
            _term = _state != Paused ? Term.None : sendsTerm ? Term.Waits : _term;
            return;
        }
        Kills++;
        TimeSpan delay = TimeSpan.FromMilliseconds(_random.Next(call[1] == "start" ? 350 : 70));
        var kill = (Kill)_random.Next(Enum.GetValues<Kill>().Length);
        _done.Add($"{string.Join(' ', call[1..^1])} ({state}), after {delay.TotalMilliseconds:0} ms {kill} killed");
        long log = new FileInfo(daemon.LogFile).Length;
        Task<CommandResult> running = daemon.CtrAsync(call);
        await Task.Delay(delay);
        bool hit = await KillAsync(kill);
        await running.WaitAsync(s_bound);
        try
        {
            await RequireSettledAsync(AllowedAfter(kill, hit, call[1], after), () =>
            {
                if (kill == Kill.Shim && call[1] == "start")
                    UnknownShim.RemoveSocket(_leftovers, UnknownShim.LogOf(daemon, id, log));
            });
        }
        catch (Exception e)
        {
            throw new ModelException($"{e.Message}\ncontainerd's log:\n{UnknownShim.LogOf(daemon, id, log)}");
        }
        _term = _state != Paused ? Term.None : sendsTerm && _term == Term.None ? Term.MayWait : _term;
    }

    /// <returns>The arguments of <c>ctr</c>, and the states if it succeeds; none if it must fail.</returns>
    private (string[] Call, string[] After) NextCall() => _random.Next(12) switch
    {
        0 or 1 or 2 or 3 => (["tasks", "start", "-d", id], _state == None ? [Running] : []),
        4 => (["tasks", "pause", id], _state == Running ? [Paused] : []),
        5 => (["tasks", "resume", id], _state == Paused ? Resumed : []),
        6 => (["tasks", "kill", "-s", "TERM", id], _state == Paused ? [Paused] : IsAlive ? [Stopped] : []),
        7 => (["tasks", "kill", "-s", "KILL", id], IsAlive ? [Stopped] : []),
        8 or 9 => (["tasks", "delete", id], _state == Stopped ? [None] : []),
        10 => (["tasks", "exec", "--exec-id", $"e{_execs++}", id, "true"], _state == Running ? [Running] : []),
        _ => (["tasks", "metrics", id], _state == None ? [] : [_state]),
    };

    private string[] Resumed => _term switch
    {
        Term.None => [Running],
        Term.Waits => [Stopped],
        _ => [Running, Stopped],
    };

    private bool IsAlive => _state is Created or Running or Paused;

    /// <summary>The states that may follow.</summary>
    /// <param name="kill">What was killed during a call.</param>
    /// <param name="hit">Whether there was such a process.</param>
    /// <param name="call">The call.</param>
    /// <param name="after">The states if it succeeds.</param>
    private string[] AllowedAfter(Kill kill, bool hit, string call, string[] after) => (kill, hit) switch
    {
        // A task without a shim is none. One that is being created may have no shim yet.
        (Kill.Shim, true) when _state != None => call == "start" ? [None, Running] : [None],
        (Kill.Shim, _) => [None, _state, .. after],
        (Kill.Sandbox, true) when IsAlive => call == "delete" ? [Stopped, None] : [Stopped],
        (Kill.Sandbox, _) => [None, Created, Stopped, _state, .. after],
        // containerd deletes at its start what does not run.
        (Kill.Containerd, _) when IsAlive => after.Contains(Stopped) ? [_state, Stopped, None] : [_state, .. after],
        (Kill.Client, _) when IsAlive => [_state, .. after],
        // The client asks the new one again, which has deleted the task that had stopped.
        (Kill.Containerd, _) when call == "start" => [None, Created, Stopped, Running],
        (Kill.Containerd, _) => [None, Created, Stopped, _state, .. after],
        (Kill.Client, _) => [None, Created, _state, .. after],
        // A command of runsc: the call fails, or does what it was to do.
        _ => [None, Created, Stopped, _state, .. after],
    };

    private async Task<bool> KillAsync(Kill kill)
    {
        if (kill != Kill.Containerd)
        {
            bool hit = false;
            foreach (int pid in Targets(kill))
                hit |= Signals.Send(pid, Signals.SIGKILL);
            return hit;
        }
        await daemon.KillAsync();
        await daemon.StartProcessAsync();
        return true;
    }

    private IEnumerable<int> Targets(Kill kill) => kill switch
    {
        Kill.Shim => Processes.Shims(daemon).Where(Processes.IsServing),
        Kill.Sandbox => RunscWhere(static line => line.StartsWith("runsc-sandbox", StringComparison.Ordinal)),
        Kill.Runsc => RunscWhere(static line => line.StartsWith(Tools.Runsc, StringComparison.Ordinal)),
        _ => Processes.Mentioning(daemon.Socket).Where(pid =>
            Processes.CommandLine(pid).StartsWith(daemon.Ctr, StringComparison.Ordinal)),
    };

    private IEnumerable<int> RunscWhere(Func<string, bool> holds) =>
        Processes.Mentioning(daemon.RunscRoot).Where(pid => holds(Processes.CommandLine(pid)));

    /// <summary>Waits until the state is an allowed one and, if something was killed, stays so.</summary>
    /// <param name="allowed">The states.</param>
    /// <param name="afterKill">Removes what nobody can remove after a kill; null: nothing was killed.</param>
    private async Task RequireSettledAsync(string[] allowed, Action? afterKill = null)
    {
        TimeSpan settled = afterKill is not null ? s_settled : TimeSpan.Zero;
        var clock = Stopwatch.StartNew();
        TimeSpan since = TimeSpan.Zero;
        string? seen = null;
        while (seen is null || clock.Elapsed - since < settled)
        {
            string state = await ContainerTest.StatusAsync(daemon, id);
            if (!allowed.Contains(state))
                Assert.True(clock.Elapsed < s_bound,
                    $"the state is \"{state}\"; allowed: {string.Join(", ", allowed)}");
            if (state != seen || !allowed.Contains(state))
                since = clock.Elapsed;
            seen = allowed.Contains(state) ? state : null;
        }
        // containerd forgets the task, and not the shim, if it is killed before the create or if the client is gone
        // during the delete. Such a shim ends by itself.
        if (seen == None)
        {
            afterKill?.Invoke();
            await _leftovers.AssertNoneAsync(afterKill is not null ? s_idle : null);
        }
        _state = seen;
    }

    private enum Term
    {
        None,
        Waits,
        MayWait,
    }

    private enum Kill
    {
        Shim,
        Sandbox,
        Runsc,
        Containerd,
        Client,
    }
}
