using System.Text;
using Linux;
using Shim.Containers;
using Shim.Io;
using Shim.Oci;
using Shim.Runsc;
using Shim.Tests.Support;

namespace Shim.Tests.Containers;

/// <summary>Execs, from their addition to their deletion.</summary>
public sealed class ContainerExecTests
{
    private const int SIGKILL = 9, SIGTERM = 15, SIGUSR1 = 10;
    private static readonly StdioRequest s_noStreams = new("", "", "", Terminal: false);

    [Fact]
    public void The_life_of_an_exec() => Run(async (pod, container) =>
    {
        AddExec(container, "e");
        Assert.Equal("""{"args":["ls"]}""", File.ReadAllText(container.Bundle.ExecFile("e", "json")));
        int pid = await pod.StartExecAsync(container, "e");
        RunscCall call = await pod.Shim.Runsc.UntilAsync("exec");
        Assert.Equal(call.Pid, pid);
        Assert.Equal("exec --process exec-e.json --pid-file exec-e.pid --internal-pid-file exec-e.internal-pid web+",
            call.ToString());
        pod.Shim.Runsc.End(pid, 4 << 8);
        await container.Process("e").Ended;
        (ProcessEnd end, int deleted) = await container.DeleteExecAsync("e");
        Assert.Equal(new ProcessEnd(4, DateTimeOffset.UnixEpoch), end);
        Assert.Equal(pid, deleted);
        Assert.Equal(["exec-added web/e", "exec-started web/e", "exit web/e 4"],
            pod.Shim.Events.Lines);
        Assert.Equal(0, container.ExecCount);
        Assert.Empty(Directory.GetFiles(container.Bundle.Path, "exec-*"));
    });

    [Fact]
    public void Its_exit_comes_before_that_of_its_container() => Run(async (pod, container) =>
    {
        AddExec(container, "e");
        await pod.StartExecAsync(container, "e");
        pod.Control.End("web+", 3);
        // The process that represents it should end soon.
        await pod.Shim.Time.UntilAwaitedAsync(TimeSpan.FromSeconds(2));
        Assert.Equal(["exec-added web/e", "exec-started web/e"], pod.Shim.Events.Lines);
        pod.Shim.Time.Advance(TimeSpan.FromSeconds(2));
        await container.Init.Ended;
        Assert.Equal(["exit web/e 137", "exit web 3"], pod.Shim.Events.Lines.TakeLast(2));
    });

    [Fact]
    public void SIGKILL_of_one_in_a_paused_container_leaves_the_container_paused() => Run(async (pod, container) =>
    {
        AddExec(container, "e");
        int pid = await pod.StartExecAsync(container, "e");
        await container.PauseAsync();
        Task killing = container.KillAsync("e", SIGKILL, all: false);
        await pod.Shim.Time.UntilAwaitedAsync(TimeSpan.FromSeconds(2));
        Assert.Equal(["pause web+", "resume web+", "signal web+ 9 7"], pod.Control.Calls.TakeLast(3));
        pod.Shim.Runsc.End(pid, 9);
        await killing;
        Assert.Equal("pause web+", pod.Control.Calls[^1]);
        Assert.Equal(137, (await container.Process("e").Ended).Status);
        Assert.Equal(ProcessState.Paused, container.Init.State);
        await container.ResumeAsync();
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void One_whose_start_took_too_long_is_killed_when_its_process_comes(bool beforeDelete) =>
        Run(async (pod, container) =>
    {
        AddExec(container, "e");
        pod.Shim.Runsc.Hold("exec");
        Task<int> starting = container.StartExecAsync("e");
        RunscCall call = await pod.Shim.Runsc.UntilAsync("exec");
        while (!starting.IsCompleted)
        {
            pod.Shim.Time.Advance(TimeSpan.FromMinutes(1));
            await TestShim.SettleAsync();
        }
        Assert.Equal(RunscFailure.TimedOut, (await Assert.ThrowsAsync<RunscException>(() => starting)).Failure);
        Assert.False(pod.Shim.Runsc.HasEnded(call.Pid));
        if (beforeDelete)
            File.WriteAllText(call.Flag("--internal-pid-file")!, "7");
        await container.DeleteExecAsync("e");
        Assert.Throws<RefusedException>(() => AddExec(container, "e"));

        if (!beforeDelete)
            File.WriteAllText(call.Flag("--internal-pid-file")!, "7");
        pod.Shim.Time.Advance(TimeSpan.FromMinutes(1));
        await TestShim.SettleAsync();
        Assert.Contains("signal web+ 9 7", pod.Control.Calls);
        pod.Shim.Runsc.End(call.Pid, 9);
        await TestShim.SettleAsync();
        Assert.Empty(Directory.GetFiles(container.Bundle.Path, "exec-*"));
        AddExec(container, "e");
        Assert.Single(pod.Shim.Warnings);
    });

    [Fact]
    public void The_exits_of_several_come_before_that_of_their_container() => Run(async (pod, container) =>
    {
        int[] pids = new int[3];
        for (int i = 0; i < pids.Length; i++)
        {
            AddExec(container, $"e{i}");
            pids[i] = await pod.StartExecAsync(container, $"e{i}");
        }
        pod.Control.End("web+", 137);
        await TestShim.SettleAsync();
        foreach (int pid in pids)
            pod.Shim.Runsc.End(pid, 9);
        await container.Init.Ended;
        Assert.Equal(["exit web/e0 137", "exit web/e1 137", "exit web/e2 137", "exit web 137"],
            pod.Shim.Events.Lines.TakeLast(4));
    });

    [Theory]
    [InlineData(true, """{"args":["ls"],"terminal":false,"Terminal":false}""", """{"args":["ls"],"terminal":true}""")]
    [InlineData(false, """{"terminal":true,"cwd":"/"}""", """{"cwd":"/"}""")]
    public void The_terminal_flag_of_the_request_decides(bool terminal, string sent, string written) =>
        Assert.Equal(written, Encoding.UTF8.GetString(
            ProcessSpec.WithTerminal(Encoding.UTF8.GetBytes(sent), terminal).Span));

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    public void A_specification_that_is_not_one(string json)
    {
        RefusedException e = Assert.Throws<RefusedException>(
            () => ProcessSpec.WithTerminal(Encoding.UTF8.GetBytes(json), terminal: true));
        Assert.Equal(Refusal.InvalidArgument, e.Refusal);
    }

    [Theory]
    [InlineData("", Refusal.InvalidArgument)]
    [InlineData("../e", Refusal.InvalidArgument)]
    [InlineData("taken", Refusal.AlreadyExists)]
    internal void An_id_that_cannot_be_added(string id, Refusal refusal) => Run(async (pod, container) =>
    {
        AddExec(container, "taken");
        RefusedException e = Assert.Throws<RefusedException>(() => AddExec(container, id));
        Assert.Equal(refusal, e.Refusal);
        Assert.Contains(id, e.Message, StringComparison.Ordinal);
        Assert.Equal(1, container.ExecCount);
        Assert.Equal(["exec-added web/taken"], pod.Shim.Events.Lines);
    });

    [Theory]
    [InlineData("bogus://x", typeof(FormatException))]
    [InlineData("/missing/fifo", typeof(LinuxException))]
    public void An_exec_whose_streams_cannot_be_opened_is_not_started(string stdout, Type error) =>
        Run(async (pod, container) =>
        {
            container.AddExec("e", "{}"u8.ToArray(), s_noStreams with { Stdout = stdout });
            await Assert.ThrowsAsync(error, () => container.StartExecAsync("e"));
            Assert.DoesNotContain(pod.Shim.Runsc.Calls, static call => call.Command == "exec");
            Assert.Equal(128, (await container.DeleteExecAsync("e")).End.Status);
            Assert.Equal(["exec-added web/e"], pod.Shim.Events.Lines);
            Assert.Single(pod.Shim.Warnings);
            AddExec(container, "e");
        });

    /// <summary>Its client reads until the shim closes them, and may never start it.</summary>
    [Fact]
    public void The_streams_of_an_exec_are_opened_when_it_is_started() => Run(async (pod, container) =>
    {
        string output = pod.Shim.Directory["output"];
        container.AddExec("e", "{}"u8.ToArray(), s_noStreams with { Stdout = $"file://{output}" });
        container.Process("e").Stdio.CloseStdin();
        container.Process("e").Stdio.Resize(80, 25);
        Assert.False(File.Exists(output));
        await pod.StartExecAsync(container, "e");
        Assert.True(File.Exists(output));
    });

    [Fact]
    public void An_exec_whose_specification_cannot_be_written_is_not_added() => Run((pod, container) =>
    {
        string file = container.Bundle.ExecFile("e", "json");
        Directory.CreateDirectory(file);
        Assert.Throws<LinuxException>(() => AddExec(container, "e"));
        Directory.Delete(file);
        AddExec(container, "e");
        Assert.Equal(["exec-added web/e"], pod.Shim.Events.Lines);
        return Task.CompletedTask;
    });

    [Fact]
    public void An_exec_that_does_not_exist() => Run(async (_, container) =>
    {
        foreach (Func<Task> act in (Func<Task>[])
            [() => container.StartExecAsync("e"), () => container.DeleteExecAsync("e"),
            () => container.KillAsync("e", SIGKILL, all: false)])
        {
            RefusedException e = await Assert.ThrowsAsync<RefusedException>(act);
            Assert.Equal(Refusal.NotFound, e.Refusal);
            Assert.Contains("exec e", e.Message, StringComparison.Ordinal);
        }
    });

    [Fact]
    public void An_exec_is_started_once_and_not_deleted_while_it_runs() => Run(async (pod, container) =>
    {
        AddExec(container, "e");
        await pod.StartExecAsync(container, "e");
        Assert.Equal(Refusal.WrongState,
            (await Assert.ThrowsAsync<RefusedException>(() => container.StartExecAsync("e"))).Refusal);
        Assert.Equal(Refusal.WrongState,
            (await Assert.ThrowsAsync<RefusedException>(() => container.DeleteExecAsync("e"))).Refusal);
    });

    [Fact]
    public void An_exec_that_never_started_is_deleted() => Run(async (pod, container) =>
    {
        AddExec(container, "e");
        (ProcessEnd end, int pid) = await container.DeleteExecAsync("e");
        Assert.Equal(0, end.Status);
        Assert.Equal(0, pid);
        Assert.Equal(["exec-added web/e"], pod.Shim.Events.Lines);
    });

    [Fact]
    public void Nothing_is_executed_in_a_paused_container() => Run(async (pod, container) =>
    {
        AddExec(container, "e");
        await container.PauseAsync();
        RefusedException e = await Assert.ThrowsAsync<RefusedException>(() => container.StartExecAsync("e"));
        Assert.Equal(Refusal.WrongState, e.Refusal);
        Assert.DoesNotContain(pod.Shim.Runsc.Calls, static call => call.Command == "exec");
    });

    /// <summary>Its client waits for the end of its output.</summary>
    [Fact]
    public void An_exec_whose_start_is_refused_has_ended() => Run(async (_, container) =>
    {
        AddExec(container, "e");
        await container.PauseAsync();
        await Assert.ThrowsAsync<RefusedException>(() => container.StartExecAsync("e"));
        await container.ResumeAsync();
        await Assert.ThrowsAsync<RefusedException>(() => container.StartExecAsync("e"));
        Assert.Equal(0, (await container.DeleteExecAsync("e")).End.Status);
    });

    [Fact]
    public void Nothing_is_executed_in_the_sandbox_of_a_paused_container() => Run(async (pod, container) =>
    {
        Container other = await pod.StartAsync("other");
        AddExec(container, "e");
        await other.PauseAsync();
        RefusedException e = await Assert.ThrowsAsync<RefusedException>(() => container.StartExecAsync("e"));
        Assert.Equal(Refusal.WrongState, e.Refusal);
        Assert.Contains("pod", e.Message, StringComparison.Ordinal);
    });

    [Fact]
    public void An_exec_whose_start_fails_has_ended() => Run(async (pod, container) =>
    {
        AddExec(container, "e");
        pod.Shim.Runsc.Fail("exec", "no such program");
        RunscException e = await Assert.ThrowsAsync<RunscException>(() => container.StartExecAsync("e"));
        Assert.Contains("no such program", e.Message, StringComparison.Ordinal);
        Assert.Equal(128, (await container.Process("e").Ended).Status);
        Assert.Equal(["wait web+"], pod.Control.Calls);
        Assert.Equal(128, (await container.DeleteExecAsync("e")).End.Status);
        Assert.Equal(["exec-added web/e"], pod.Shim.Events.Lines);
        Assert.Single(pod.Shim.Warnings);
    });

    [Theory]
    [InlineData(null, 1)]
    [InlineData(RunscFailure.NotFound, 1)]
    [InlineData(RunscFailure.TimedOut, 2)]
    internal void A_process_that_cannot_be_taken_over_is_killed(RunscFailure? failure, int warnings) =>
        Run(async (pod, container) =>
        {
            AddExec(container, "e");
            if (failure is { } fails)
                pod.Control.Fail("signal", fails);
            pod.Shim.Runsc.On("exec", static call =>
            {
                File.WriteAllText(call.Flag("--internal-pid-file")!, "7");
                File.WriteAllText(call.Flag("--pid-file")!, "?");
                return new TaskCompletionSource().Task;
            });
            Task<int> starting = container.StartExecAsync("e");
            await pod.Shim.Runsc.UntilAsync("exec");
            await TestShim.SettleAsync();
            pod.Shim.Time.Advance(TimeSpan.FromMilliseconds(4));
            await Assert.ThrowsAsync<RunscException>(() => starting);
            Assert.Equal(["wait web+", "signal web+ 9 7"], pod.Control.Calls);
            Assert.Equal(warnings, pod.Shim.Warnings.Length);
        });

    [Theory]
    [InlineData(SIGKILL)]
    [InlineData(SIGUSR1)]
    public void A_signal_to_an_exec_goes_to_its_process_alone(int signal) => Run(async (pod, container) =>
    {
        AddExec(container, "e");
        await pod.StartExecAsync(container, "e");
        await container.KillAsync("e", signal, all: true);
        Assert.Equal(["wait web+", $"signal web+ {signal} 7"], pod.Control.Calls);
        // Nobody kills the sandbox because of an exec.
        pod.Shim.Time.Advance(TimeSpan.FromMinutes(5));
        await TestShim.SettleAsync();
        Assert.Empty(pod.Shim.Runsc.Signals);
    });

    [Theory]
    [InlineData(SIGKILL, 137)]
    [InlineData(SIGTERM, 143)]
    public void A_signal_ends_an_exec_that_was_not_started(int signal, int status) => Run(async (pod, container) =>
    {
        AddExec(container, "e");
        await container.KillAsync("e", signal, all: false);
        Assert.Equal(["exec-added web/e", $"exit web/e {status}"], pod.Shim.Events.Lines);
        Assert.Equal(["start web+"], pod.Shim.Runsc.Commands);
        Assert.Equal(status, (await container.DeleteExecAsync("e")).End.Status);
    });

    [Fact]
    public void Another_signal_to_an_exec_that_was_not_started_is_refused() => Run(async (_, container) =>
    {
        AddExec(container, "e");
        Assert.Equal(Refusal.WrongState, (await Assert.ThrowsAsync<RefusedException>(
            () => container.KillAsync("e", SIGUSR1, all: false))).Refusal);
    });

    private static void Run(Func<TestPod, Container, Task> body) => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        pod.Shim.Events.Clear();
        await body(pod, container);
    });

    private static void AddExec(Container container, string id) =>
        container.AddExec(id, Encoding.UTF8.GetBytes("""{"args":["ls"]}"""), s_noStreams);
}
