using System.Text;
using Shim.Containers;
using Shim.Io;
using Shim.Runsc;
using Shim.Sandboxes;
using Shim.Tests.Checkpoints;

namespace Shim.Tests.Containers;

/// <summary>Every operation in every state, on a sandbox's first container and on one that joined it.</summary>
public sealed class ContainerStateTests
{
    private const int SIGKILL = 9, SIGUSR1 = 10, SIGTERM = 15;

    /// <summary>The refusal, or the state after it and the events that it published.</summary>
    [Theory]
    // operation, and the outcome in the states Created, Running, Paused, Stopped, Deleted
    [InlineData("start", "Running start", "WrongState", "WrongState", "WrongState", "NotFound")]
    [InlineData("pause", "WrongState", "Paused paused", "WrongState", "WrongState", "NotFound")]
    [InlineData("resume", "WrongState", "WrongState", "Running resumed", "WrongState", "NotFound")]
    [InlineData("SIGKILL", "Stopped exit", "Running", "Paused", "NotFound", "NotFound")]
    [InlineData("SIGTERM", "Stopped exit", "Running", "Paused", "NotFound", "NotFound")]
    [InlineData("SIGUSR1", "WrongState", "Running", "Paused", "NotFound", "NotFound")]
    [InlineData("SIGKILL all", "Stopped exit", "Running", "Paused", "NotFound", "NotFound")]
    [InlineData("delete", "Deleted delete", "WrongState", "WrongState", "Deleted delete", "NotFound")]
    [InlineData("exec", "WrongState", "Running exec-added", "Paused exec-added", "WrongState", "WrongState")]
    [InlineData("update", "Unsupported", "Unsupported", "Unsupported", "WrongState", "WrongState")]
    [InlineData("stats", "Created", "Running", "Paused", "Stopped", "NotFound")]
    [InlineData("pids", "Created", "Running", "Paused", "Stopped", "Deleted")]
    [InlineData("checkpoint", "WrongState", "Running checkpointed", "Paused checkpointed", "WrongState", "WrongState")]
    [InlineData("wait", "Created", "Running", "Paused", "WrongState", "WrongState")]
    public void Every_operation_in_every_state(
        string operation, string created, string running, string paused, string stopped, string deleted)
    {
        string[] expected = [created, running, paused, stopped, deleted];
        foreach (string id in (string[])["pod", "web"])
            foreach (ProcessState state in Enum.GetValues<ProcessState>())
                TestPod.Run(async pod =>
                {
                    Container container = await pod.InStateAsync(id, state);
                    pod.Shim.Events.Clear();
                    string outcome = await OutcomeAsync(pod, container, operation);
                    Assert.Equal($"{id} {state}: {expected[(int)state]}", $"{id} {state}: {outcome}");
                });
    }

    private static async Task<string> OutcomeAsync(TestPod pod, Container container, string operation)
    {
        ProcessState before = container.Init.State;
        try
        {
            await RunAsync(pod, container, operation);
        }
        catch (RefusedException e)
        {
            Assert.Contains($"container {container.Id}", e.Message, StringComparison.Ordinal);
            Assert.Equal(before, container.Init.State);
            Assert.Empty(pod.Shim.Events.Lines);
            return e.Refusal.ToString();
        }
        return string.Join(' ', [container.Init.State.ToString(), .. pod.Shim.Events.Topics]);
    }

    private static Task RunAsync(TestPod pod, Container container, string operation)
    {
        ReadOnlyMemory<byte> limits = Encoding.UTF8.GetBytes("""{"cpu":{"shares":512}}""");
        switch (operation)
        {
            case "start":
                return container.StartAsync();
            case "pause":
                return container.PauseAsync();
            case "resume":
                return container.ResumeAsync();
            case "SIGKILL":
                return container.KillAsync("", SIGKILL, all: false);
            case "SIGKILL all":
                return container.KillAsync("", SIGKILL, all: true);
            case "SIGTERM":
                return container.KillAsync("", SIGTERM, all: false);
            case "SIGUSR1":
                return container.KillAsync("", SIGUSR1, all: false);
            case "delete":
                return container.DeleteAsync();
            case "exec":
                container.AddExec("e", "{}"u8.ToArray(), new StdioRequest("", "", "", Terminal: false));
                return Task.CompletedTask;
            case "update":
                return container.UpdateAsync(limits);
            case "stats":
                return container.UsageAsync();
            case "pids":
                container.Processes();
                return Task.CompletedTask;
            case "checkpoint":
                pod.Shim.Runsc.On("checkpoint", call =>
                {
                    ExampleImage.Write(call.Flag("--image-path")!, TestPod.HeaderOf(pod.Sandbox.Members.Count));
                });
                return container.CheckpointAsync(new CheckpointRequest(
                    pod.Shim.Directory["new-image"], new CheckpointSettings { LeaveRunning = true }));
            case "wait":
                pod.Shim.Runsc.On("wait", static call =>
                {
                    call.Print("""{"id":"web","exitStatus":0}""");
                    call.End(0);
                });
                return container.WaitForAsync(WaitFor.Exit, 0, 0, null, CancellationToken.None);
            default:
                throw new ArgumentException(operation, nameof(operation));
        }
    }
}
