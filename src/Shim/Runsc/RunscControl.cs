using System.Text.Json;

namespace Shim.Runsc;

/// <summary>Controls a sandbox by running runsc's commands.</summary>
internal sealed class RunscControl(RunscRunner runner, string log) : ISandboxControl
{
    // As long as the sandbox's own answer may be.
    private const int StatsLimit = 256 << 10;

    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public Task<int> WaitAsync(string id, CancellationToken abandon) => AnswerAsync("wait", async () =>
    {
        Require(id);
        return RunscWaitAnswer.Parse(await runner.RunUntilAsync(RunscArguments.Wait(id), log, abandon));
    });

    /// <inheritdoc/>
    public Task SignalAsync(string id, int signal, int pid, bool all) =>
        AnswerAsync("kill", () => AskAsync(id, RunscArguments.Kill(id, signal, pid, all)));

    /// <inheritdoc/>
    public Task<RunscStats> StatsAsync(string id) =>
        AnswerAsync("events", async () => RunscStats.Parse(await AskAsync(id, RunscArguments.Stats(id), StatsLimit)));

    /// <inheritdoc/>
    public Task PauseAsync(string id) => AnswerAsync("pause", () => AskAsync(id, RunscArguments.Pause(id)));

    /// <inheritdoc/>
    public Task ResumeAsync(string id) => AnswerAsync("resume", () => AskAsync(id, RunscArguments.Resume(id)));

    /// <inheritdoc/>
    public Task<SandboxContainerState> StateAsync(string id) => AnswerAsync("state", async () =>
    {
        if (RunscStateFile.Find(runner.Settings.Root, id) is null)
            return SandboxContainerState.Stopped;
        using JsonDocument answer = JsonDocument.Parse(
            RunscOutput.Json(await AskAsync(id, RunscArguments.State(id))));
        return answer.RootElement.GetProperty("status"u8).GetString() switch
        {
            "creating" or "created" => SandboxContainerState.Created,
            "running" or "paused" => SandboxContainerState.Running,
            _ => SandboxContainerState.Stopped,
        };
    });

    /// <summary>
    /// Turns every failure into a <see cref="RunscException"/>: neither a malformed answer of a sandbox nor a lack of
    /// descriptors may end the shim.
    /// </summary>
    private static async Task<T> AnswerAsync<T>(string command, Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunscException(RunscFailure.Failed, $"runsc {command}: {e.Message}", e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException
            or FormatException)
        {
            throw new RunscException(RunscFailure.Failed, $"runsc {command}: unexpected output: {e.Message}", e);
        }
    }

    private Task<byte[]> AskAsync(string id, List<string> arguments, int limit = RunscRunner.OutputLimit)
    {
        Require(id);
        return runner.RunAsync(arguments, log, s_bound, limit);
    }

    /// <summary>Requires exactly this container: runsc would accept another one whose id begins with this id.</summary>
    private void Require(string id)
    {
        if (RunscStateFile.Find(runner.Settings.Root, id) is null)
            throw new RunscException(RunscFailure.NotFound, $"runsc has no container {id} in {runner.Settings.Root}");
    }
}
