using System.Diagnostics;
using Containerd.Api.Tasks;
using Grpc.Core;
using Testing;
using Status = Containerd.Api.Tasks.Status;
using Task = System.Threading.Tasks.Task;

namespace EndToEnd.Model;

/// <summary>
/// What containerd may see of one container: a small model, and random calls against it. Whatever is done, a call
/// succeeds or fails as the model says, and the state is the model's.
/// </summary>
/// <param name="shim">The shim.</param>
/// <param name="id">The container.</param>
/// <param name="seed">Of the random calls.</param>
internal sealed class ContainerModel(ShimHarness shim, string id, int seed)
{
    private const uint SIGTERM = 15, SIGKILL = 9;
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(60);

    /// <summary>The codes with which a call may refuse what makes no sense.</summary>
    private static readonly StatusCode[] s_refusals =
        [StatusCode.NotFound, StatusCode.FailedPrecondition, StatusCode.AlreadyExists];

    private readonly Random _random = new(seed);
    private readonly List<string> _done = [];
    private readonly HashSet<string> _execs = [];
    private Status? _state; // null: there is no container
    private bool _termWaits; // for the resume
    private int _next;

    /// <summary>The number of calls so far.</summary>
    public int Calls { get; private set; }

    /// <summary>Makes some random calls, and then removes the container.</summary>
    /// <exception cref="ModelException">The shim did what the model does not allow.</exception>
    public async Task RunAsync(int steps)
    {
        try
        {
            for (int step = 0; step < steps; step++)
            {
                await StepAsync();
                Calls++;
                await RequireStateAsync();
            }
            await RemoveAsync();
        }
        catch (Exception e)
        {
            throw new ModelException(
                $"container {id}, seed {seed}, after {string.Join(", ", _done.TakeLast(12))}: {e}");
        }
    }

    private Task StepAsync() => _random.Next(16) switch
    {
        0 or 1 or 2 => CreateAsync(),
        3 => GiveUpCreateAsync(),
        4 or 5 or 6 => StartAsync(),
        7 => PauseAsync(),
        8 => ResumeAsync(),
        9 => KillAsync(SIGTERM),
        10 => KillAsync(SIGKILL),
        11 => DeleteAsync(),
        12 => ExecAsync(),
        13 => AskAsync(),
        14 => KillSandboxAsync(),
        _ => CheckpointAsync(),
    };

    private async Task CreateAsync()
    {
        Did("create");
        if (_state is null)
            shim.WriteBundle(id, ["sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.05; done"]);
        if (await SucceedsAsync(_state is null, Request()))
            (_state, _termWaits) = (Status.Created, false);
        AsyncUnaryCall<CreateTaskResponse> Request() => shim.Tasks.CreateAsync(new CreateTaskRequest
        {
            Id = id,
            Bundle = shim.BundleOf(id),
            Options = shim.Options,
        }, deadline: DateTime.UtcNow + s_bound);
    }

    /// <summary>A caller that does not wait: the container is there, or nothing is.</summary>
    private async Task GiveUpCreateAsync()
    {
        if (_state is not null)
            return;
        int milliseconds = _random.Next(1, 300);
        Did($"create, given up after {milliseconds} ms");
        shim.WriteBundle(id, ["sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.05; done"]);
        try
        {
            await shim.Tasks.CreateAsync(new CreateTaskRequest
            {
                Id = id,
                Bundle = shim.BundleOf(id),
                Options = shim.Options,
            }, deadline: DateTime.UtcNow.AddMilliseconds(milliseconds));
            _state = Status.Created;
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.DeadlineExceeded or StatusCode.Cancelled)
        {
            await SettleAsync();
        }
        _termWaits = false;
    }

    private async Task StartAsync()
    {
        Did("start");
        if (await SucceedsAsync(_state == Status.Created, shim.Tasks.StartAsync(new StartRequest { Id = id })))
        {
            _state = Status.Running;
            await Task.Delay(_random.Next(2) * 100); // the trap may not be set yet
        }
    }

    private async Task PauseAsync()
    {
        Did("pause");
        if (await SucceedsAsync(_state == Status.Running, shim.Tasks.PauseAsync(new PauseRequest { Id = id })))
            _state = Status.Paused;
    }

    private async Task ResumeAsync()
    {
        Did("resume");
        if (!await SucceedsAsync(_state == Status.Paused, shim.Tasks.ResumeAsync(new ResumeRequest { Id = id })))
            return;
        _state = Status.Running;
        if (_termWaits)
            await EndAsync();
    }

    private async Task KillAsync(uint signal)
    {
        Did($"kill {signal}");
        bool isPaused = _state == Status.Paused;
        if (!await SucceedsAsync(_state is not (null or Status.Stopped),
            shim.Tasks.KillAsync(new KillRequest { Id = id, Signal = signal })))
            return;
        if (signal == SIGTERM && isPaused)
            _termWaits = true;
        else
            await EndAsync();
    }

    private async Task KillSandboxAsync()
    {
        if (_state is null or Status.Stopped)
            return;
        Did("kill -9 the sandbox");
        Linux.Signals.Send((int)(await shim.Tasks.StateAsync(new StateRequest { Id = id })).Pid,
            Linux.Signals.SIGKILL);
        await EndAsync();
    }

    private async Task DeleteAsync()
    {
        Did("delete");
        if (!await SucceedsAsync(_state is Status.Created or Status.Stopped,
            shim.Tasks.DeleteAsync(new DeleteRequest { Id = id })))
            return;
        _state = null;
        _execs.Clear();
    }

    private async Task ExecAsync()
    {
        string exec = $"e{_next++}";
        bool isLong = _random.Next(4) == 0;
        Did($"exec {(isLong ? "sleep" : "true")}");
        if (!await SucceedsAsync(_state is Status.Running or Status.Paused,
            shim.ExecAsync(id, exec, isLong ? ["sleep", "1000"] : ["true"])))
            return;
        bool isStarted = await SucceedsAsync(
            _state == Status.Running, shim.Tasks.StartAsync(new StartRequest { Id = id, ExecId = exec }));
        if (isStarted && isLong)
        {
            _execs.Add(exec);
            return;
        }
        if (isStarted)
            Assert.Equal(0u, (await shim.Tasks.WaitAsync(new WaitRequest { Id = id, ExecId = exec },
                deadline: DateTime.UtcNow + s_bound)).ExitStatus);
        Assert.Equal(0u, (await shim.Tasks.DeleteAsync(new DeleteRequest { Id = id, ExecId = exec })).ExitStatus);
    }

    private async Task AskAsync()
    {
        Did("stats and pids");
        await SucceedsAsync(_state is not null, shim.Tasks.StatsAsync(new StatsRequest { Id = id }));
        await SucceedsAsync(_state is not null, shim.Tasks.PidsAsync(new PidsRequest { Id = id }));
    }

    private async Task CheckpointAsync()
    {
        Did("checkpoint");
        string image = Path.Combine(shim.Directory, "images", $"{id}-{_next++}");
        if (await SucceedsAsync(_state is Status.Running or Status.Paused && _execs.Count == 0,
            shim.Tasks.CheckpointAsync(new CheckpointTaskRequest { Id = id, Path = image })))
            Directory.Delete(image, recursive: true);
        else
            Assert.False(Directory.Exists(image), "a failed checkpoint leaves nothing");
    }

    private async Task RemoveAsync()
    {
        Did("remove");
        if (_state is null)
            return;
        if (_state != Status.Stopped)
            await shim.Tasks.KillAsync(new KillRequest { Id = id, Signal = SIGKILL });
        await EndAsync();
        await DeleteAsync();
    }

    private async Task EndAsync()
    {
        await shim.Tasks.WaitAsync(new WaitRequest { Id = id }, deadline: DateTime.UtcNow + s_bound);
        _state = Status.Stopped;
        foreach (string exec in _execs)
            await shim.Tasks.WaitAsync(new WaitRequest { Id = id, ExecId = exec }, deadline: DateTime.UtcNow + s_bound);
    }

    private async Task RequireStateAsync()
    {
        try
        {
            Assert.Equal(_state, (await shim.Tasks.StateAsync(new StateRequest { Id = id })).Status);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            Assert.Null(_state);
        }
    }

    /// <summary>
    /// A create that was given up is undone, or was done already; then its name is free, or is taken.
    /// </summary>
    private async Task SettleAsync()
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < s_bound)
            try
            {
                await shim.Tasks.CreateAsync(new CreateTaskRequest
                {
                    Id = id,
                    Bundle = shim.BundleOf(id),
                    Options = shim.Options,
                });
                _state = Status.Created;
                return;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.AlreadyExists)
            {
                try
                {
                    _state = (await shim.Tasks.StateAsync(new StateRequest { Id = id })).Status;
                    return;
                }
                catch (RpcException state) when (state.StatusCode == StatusCode.NotFound)
                {
                    await Task.Delay(20); // it is being undone
                }
            }
        throw new TimeoutException("a create that was given up is neither there nor undone");
    }

    /// <summary>Whether a call succeeds, which must be as the model says.</summary>
    private static async Task<bool> SucceedsAsync<T>(bool expected, AsyncUnaryCall<T> call)
    {
        try
        {
            await call.ResponseAsync.WaitAsync(s_bound);
            Assert.True(expected, "the call should have failed");
            return true;
        }
        catch (RpcException e)
        {
            Assert.False(expected, $"the call failed: {e.Status}");
            Assert.Contains(e.StatusCode, s_refusals);
            return false;
        }
    }

    private void Did(string what) => _done.Add($"{what} ({(_state is null ? "none" : _state)})");
}

/// <summary>The shim did what the model does not allow.</summary>
internal sealed class ModelException(string message) : Exception(message);
