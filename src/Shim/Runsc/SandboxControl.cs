using System.Text.Json;
using Linux;

namespace Shim.Runsc;

/// <summary>
/// Controls a sandbox over its control socket. If that gives no valid answer, runsc's commands are used from then on. A
/// late answer of a sandbox that has answered before is only a failed request.
/// </summary>
/// <remarks>
/// A pause or a resume is sent once, and its outcome is known: a command that was killed may have paused the sandbox,
/// and one resume too many would crash it. One that the sandbox answers after the bound is undone, because it was
/// reported as failed.
/// </remarks>
/// <param name="socket">The socket, which the sandbox's containers share; null if runsc's records name none.</param>
/// <param name="commands">The commands.</param>
/// <param name="cpuOfSandbox">The CPU time of the sandbox's own cgroup, in nanoseconds; null if it has none.</param>
/// <param name="died">The end of the sandbox's process.</param>
/// <param name="gaveUp">Called with the reason when the socket is given up; once for all containers.</param>
/// <param name="undoFailed">Called with the reason when a late pause or resume could not be undone.</param>
/// <param name="time">The loop's clock.</param>
internal sealed class SandboxControl(SandboxSocket? socket, RunscControl commands, Func<ulong?> cpuOfSandbox, Task died,
    Action<string> gaveUp, Action<string> undoFailed, TimeProvider time) : ISandboxControl
{
    /// <summary>A sandbox that ends closes its connections first and is reaped a little later.</summary>
    private static readonly TimeSpan s_deathBound = TimeSpan.FromMilliseconds(500);

    // A sandbox takes milliseconds, but seconds on a node whose processors are busy.
    private static readonly TimeSpan s_pauseBound = TimeSpan.FromSeconds(30);

    private Task _late = Task.CompletedTask;

    /// <summary>The socket; null if there is none, or if it was given up.</summary>
    private SandboxSocket? Usable => socket is { GivenUp: null } ? socket : null;

    /// <inheritdoc/>
    public Task<int> WaitAsync(string id, CancellationToken abandon) => AskAsync(
        SandboxMethod.Wait, json => json.WriteStringValue(id),
        static result => ExitStatusOf((uint)ReadNumber(result, uint.MaxValue)),
        () => commands.WaitAsync(id, abandon), abandon);

    /// <inheritdoc/>
    public Task SignalAsync(string id, int signal, int pid, bool all) => AskAsync(
        SandboxMethod.Signal, json =>
        {
            json.WriteStartObject();
            json.WriteString("CID"u8, id);
            json.WriteNumber("Signo"u8, signal);
            json.WriteNumber("PID"u8, all ? 0 : pid);
            json.WriteNumber("Mode"u8, all ? 1 : 0);
            json.WriteEndObject();
        }, static _ => true, async () =>
        {
            await commands.SignalAsync(id, signal, pid, all);
            return true;
        });

    /// <inheritdoc/>
    public Task<RunscStats> StatsAsync(string id) => AskAsync(
        SandboxMethod.Event, json => json.WriteStringValue(id),
        result =>
        {
            using JsonDocument answer = JsonDocument.Parse(result);
            return RunscStats.OfEvent(answer.RootElement, id, cpuOfSandbox());
        }, () => commands.StatsAsync(id));

    /// <inheritdoc/>
    public Task PauseAsync(string id) => Usable is { } open
        ? ChangeAsync(open, SandboxMethod.Pause, SandboxMethod.Resume) : commands.PauseAsync(id);

    /// <inheritdoc/>
    public Task ResumeAsync(string id) => Usable is { } open
        ? ChangeAsync(open, SandboxMethod.Resume, SandboxMethod.Pause) : commands.ResumeAsync(id);

    /// <inheritdoc/>
    public Task<SandboxContainerState> StateAsync(string id) => AskAsync(
        SandboxMethod.ContainerRuntimeState, json => json.WriteStringValue(id),
        static result => ReadNumber(result, int.MaxValue) switch
        {
            1 => SandboxContainerState.Created,
            2 => SandboxContainerState.Running,
            _ => SandboxContainerState.Stopped,
        }, () => commands.StateAsync(id));

    /// <summary>The exit status for the status of wait(2): 128 plus the signal, or the exit code.</summary>
    public static int ExitStatusOf(uint packed)
    {
        int signal = (int)(packed & 0x7f);
        return signal != 0 ? 128 + signal : (int)((packed >> 8) & 0xff);
    }

    /// <exception cref="JsonException">It is not a number from 0 to <paramref name="most"/>.</exception>
    private static long ReadNumber(ReadOnlyMemory<byte> result, long most)
    {
        var reader = new Utf8JsonReader(result.Span);
        return reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long number)
            && number >= 0 && number <= most ? number : throw new JsonException("the result is not a valid number");
    }

    /// <summary>Pauses or resumes the sandbox.</summary>
    /// <exception cref="RunscException">It did not, or not yet: if it does so late, that is undone.</exception>
    private async Task ChangeAsync(SandboxSocket open, SandboxMethod method, SandboxMethod opposite)
    {
        if (!_late.IsCompleted)
            throw new RunscException(
                RunscFailure.TimedOut, $"sandbox request {method}: an earlier request has not been answered");
        Task answered = SendAsync(open, method);
        if (!await LoopTask.AnyWithinAsync(s_pauseBound, time, answered))
        {
            _late = UndoAsync(answered, open, opposite);
            throw new RunscException(RunscFailure.TimedOut,
                $"sandbox request {method}: no answer within {s_pauseBound.TotalSeconds:0} s");
        }
        await answered;
    }

    private async Task UndoAsync(Task answered, SandboxSocket open, SandboxMethod opposite)
    {
        try
        {
            await answered;
        }
        catch (RunscException)
        {
            return; // it did nothing, or is gone
        }
        try
        {
            await SendAsync(open, opposite);
        }
        catch (RunscException e)
        {
            undoFailed(e.Message);
        }
    }

    private async Task SendAsync(SandboxSocket open, SandboxMethod method)
    {
        try
        {
            await open.AskAsync(method, static json => json.WriteNullValue(), static _ => { });
        }
        catch (SandboxRefusedException e)
        {
            throw RunscLog.Refusal(e.Message);
        }
        catch (SandboxSilentException e)
        {
            await RequireAliveAsync(e);
            throw new RunscException(RunscFailure.Failed, $"sandbox request {e.Message}", e);
        }
    }

    /// <exception cref="RunscException">The sandbox ends, which explains the error.</exception>
    private async Task RequireAliveAsync(Exception error)
    {
        if (await LoopTask.AnyWithinAsync(s_deathBound, time, died))
            throw new RunscException(RunscFailure.NotFound, $"the sandbox has ended ({error.Message})", error);
    }

    private async Task<T> AskAsync<T>(SandboxMethod method, Action<Utf8JsonWriter> argument,
        Func<ReadOnlyMemory<byte>, T> read, Func<Task<T>> command, CancellationToken abandon = default)
    {
        T? result = default;
        return await TryAskAsync(method, argument, answer => result = read(answer), abandon)
            ? result! : await command();
    }

    /// <returns>False if the command is to be used instead.</returns>
    private async Task<bool> TryAskAsync(SandboxMethod method, Action<Utf8JsonWriter> argument,
        Action<ReadOnlyMemory<byte>> read, CancellationToken abandon)
    {
        if (Usable is not { } open)
            return false;
        try
        {
            await open.AskAsync(method, argument, read, abandon);
            return true;
        }
        catch (SandboxRefusedException e) when (!e.IsUnknownMethod)
        {
            throw RunscLog.Refusal(e.Message);
        }
        catch (OperationCanceledException e)
        {
            throw new RunscException(RunscFailure.Failed, $"sandbox request {method}: canceled", e);
        }
        catch (TimeoutException e) when (open.HasAnswered)
        {
            // A command would send its request to the same sandbox and take even longer.
            throw new RunscException(RunscFailure.TimedOut, $"sandbox request {e.Message}", e);
        }
        catch (Exception e) when (e is SandboxRefusedException or SandboxSilentException or TimeoutException
            or JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            await RequireAliveAsync(e);
            if (open.GiveUp(e.Message))
                gaveUp(e.Message);
            return false;
        }
    }
}
