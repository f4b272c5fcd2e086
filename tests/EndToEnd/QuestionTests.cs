using Containerd.Api.Tasks;
using Grpc.Core;
using Testing;
using Status = Containerd.Api.Tasks.Status;
using Task = System.Threading.Tasks.Task;

namespace EndToEnd;

/// <summary>What questions cost: no process, no descriptor, and no thread for as long as one waits.</summary>
public class QuestionTests
{
    [Fact]
    public async Task Questions_start_no_process_and_hold_no_thread()
    {
        using TempDirectory directory = new();
        StandInRunsc runsc = StandInRunsc.Make(directory.Path);
        await using ShimHarness shim = await ShimHarness.StartAsync(runsc: runsc.Path);
        await shim.Tasks.ConnectAsync(new ConnectRequest { Id = "c" }); // the connection is accepted
        int socketsAtFirst = ProcessFacts.Sockets(shim.Pid);
        HarnessPod pod = new(shim, "pod");
        await pod.RunAsync("a", "b");
        string a = pod.IdOf("a");
        // The wait for each of the two containers (the sandbox is the shim's child), and the connection for events.
        Assert.Equal(socketsAtFirst + 3, ProcessFacts.Sockets(shim.Pid));
        int processes = runsc.Calls.Length, descriptors = ProcessFacts.Descriptors(shim.Pid);
        const int Waits = 20;
        AsyncUnaryCall<WaitResponse>[] waits =
            [.. Enumerable.Range(0, Waits).Select(_ => shim.Tasks.WaitAsync(new WaitRequest { Id = a }))];
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal(Status.Running, (await shim.Tasks.StateAsync(new StateRequest { Id = a })).Status);
            await shim.Tasks.ConnectAsync(new ConnectRequest { Id = a });
            Assert.InRange((await shim.Tasks.PidsAsync(new PidsRequest { Id = a })).Processes.Count, 1, 3);
            await shim.Tasks.StatsAsync(new StatsRequest { Id = a });
            // SIGWINCH, which is ignored by default
            await shim.Tasks.KillAsync(new KillRequest { Id = a, Signal = 28 });
        }
        Assert.Equal(processes, runsc.Calls.Length);
        Assert.Equal(descriptors, ProcessFacts.Descriptors(shim.Pid));
        // The thread of the loop and the runtime's finalizer. Others that the runtime starts (the thread pool's: ".NET
        // TP …") end when they have had nothing to do for 20 s; one that a wait or a question held would stay.
        await Eventually.PassesAsync(
            () => Assert.Equal([".NET Finalizer"], OtherThreads(shim)), TimeSpan.FromSeconds(60));
        Assert.DoesNotContain(waits, static wait => wait.ResponseAsync.IsCompleted);

        await shim.Tasks.KillAsync(new KillRequest { Id = a, Signal = 9 });
        foreach (AsyncUnaryCall<WaitResponse> wait in waits)
            Assert.Equal(137u, (await wait).ExitStatus);
        Assert.Equal(processes, runsc.Calls.Length);
        // Nor does the end of a container that was killed start a thread. The answer comes after the shim knows of it.
        await shim.Tasks.ConnectAsync(new ConnectRequest { Id = a });
        Assert.Equal([".NET Finalizer"], OtherThreads(shim));
        await pod.RemoveAsync();
    }

    /// <summary>
    /// A sandbox runs as it would without a shim. runsc's other commands are spared the registration for membarrier(2),
    /// which takes longer than their work, by a seccomp filter. The kernel counts a process's filters in its status,
    /// also those that it installed itself.
    /// </summary>
    [Fact]
    public async Task Membarrier_is_hidden_from_commands_and_not_from_the_sandbox()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        HarnessPod pod = new(shim, "pod");
        await pod.RunAsync("a");
        string a = pod.IdOf("a");
        await shim.ExecAsync(a, "e", "sleep", "1000");
        int exec = (int)(await shim.Tasks.StartAsync(new StartRequest { Id = a, ExecId = "e" })).Pid;
        int sandbox = (int)(await shim.Tasks.StateAsync(new StateRequest { Id = pod.Sandbox })).Pid;
        long around = Filters(Environment.ProcessId);
        Assert.Equal(around + 1, Filters(exec));
        // The sandbox's own.
        Assert.Equal(around + 1, Filters(sandbox));
        await pod.RemoveAsync();

        static long Filters(int pid) => ProcessFacts.StatusNumber(pid, "Seccomp_filters");
    }

    private static IEnumerable<string> OtherThreads(ShimHarness shim) =>
        ProcessFacts.Threads(shim.Pid).Where(thread => thread.Key != shim.Pid).Select(static thread => thread.Value);
}
