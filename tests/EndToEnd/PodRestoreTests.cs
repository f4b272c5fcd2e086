using Containerd.Api.Tasks;
using Grpc.Core;
using Testing;
using static EndToEnd.Refusals;
using GvisorApi = Containerd.Api.Gvisor.TaskService;
using StateRequest = Containerd.Api.Tasks.StateRequest;
using Status = Containerd.Api.Tasks.Status;
using Task = System.Threading.Tasks.Task;
using WaitRequest = Containerd.Api.Tasks.WaitRequest;
using WaitResponse = Containerd.Api.Tasks.WaitResponse;

namespace EndToEnd;

/// <summary>Restores of pods of several containers, with the test in containerd's place.</summary>
public class PodRestoreTests
{
    [Fact]
    public async Task Nothing_runs_until_the_last_of_three_containers_is_restored()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        (string image, int reached) = await CheckpointAndEndAsync(shim);

        HarnessPod pod = new(shim, "second");
        await pod.CreateSandboxAsync(image);
        await pod.StartAsync(pod.Sandbox);
        await pod.CreateAsync("a");
        await AssertCodeAsync(StatusCode.FailedPrecondition, "is being restored from",
            shim.ExecAsync(pod.Sandbox, "e", "true").ResponseAsync);
        await pod.StartAsync(pod.IdOf("a"));

        // The shim says so: in State, in gVisor's State, and in its log.
        foreach (string id in (string[])[pod.Sandbox, pod.IdOf("a")])
        {
            Assert.Equal(Status.Running, (await shim.Tasks.StateAsync(new StateRequest { Id = id })).Status);
            Assert.Equal("restoring",
                (await Gvisor(shim).StateAsync(new Containerd.Api.Gvisor.StateRequest { Id = id })).State);
            Assert.NotEmpty((await shim.Tasks.PidsAsync(new PidsRequest { Id = id })).Processes);
            await shim.Tasks.StatsAsync(new StatsRequest { Id = id });
            await AssertCodeAsync(StatusCode.FailedPrecondition, "(missing: container b)",
                shim.ExecAsync(id, "e", "true").ResponseAsync);
            await AssertCodeAsync(StatusCode.FailedPrecondition, "cannot pause",
                shim.Tasks.PauseAsync(new PauseRequest { Id = id }));
            await AssertCodeAsync(StatusCode.FailedPrecondition, "cannot checkpoint",
                shim.Tasks.CheckpointAsync(new CheckpointTaskRequest
                {
                    Id = id,
                    Path = Path.Combine(shim.Directory, "none")
                }));
            await AssertCodeAsync(StatusCode.FailedPrecondition, "cannot signal",
                shim.Tasks.KillAsync(new KillRequest { Id = id, Signal = 10 }));
        }
        Assert.Contains("nothing in it runs yet", shim.Log, StringComparison.Ordinal);
        Assert.Contains("missing=\"container b\"", shim.Log, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(shim.Directory, "none")));
        AsyncUnaryCall<WaitResponse> wait = shim.Tasks.WaitAsync(new WaitRequest { Id = pod.IdOf("a") });
        Assert.NotEqual(0, (await pod.ReadAsync("a", "/tmp/n")).ExitCode);

        await pod.CreateAsync("b");
        await pod.StartAsync(pod.IdOf("b"));
        foreach (string id in (string[])[pod.Sandbox, pod.IdOf("a"), pod.IdOf("b")])
            Assert.Equal(Status.Running, (await shim.Tasks.StateAsync(new StateRequest { Id = id })).Status);
        foreach (string container in (string[])["a", "b"])
            Assert.InRange(await pod.CountAboveAsync(container, 0), reached, int.MaxValue);
        Assert.Contains("sandbox restored and running", shim.Log, StringComparison.Ordinal);
        Assert.False(wait.ResponseAsync.IsCompleted);

        // As any other pod: exec, stats, kill, exit code; a restarted container is not restored.
        await AssertExecAsync(shim, pod.IdOf("b"));
        await shim.Tasks.KillAsync(new KillRequest { Id = pod.IdOf("a"), Signal = 15 });
        Assert.Equal(143u, (await wait).ExitStatus);
        Assert.Equal(143u, await pod.DeleteAsync(pod.IdOf("a")));
        await pod.CreateAsync("a");
        await pod.StartAsync(pod.IdOf("a"));
        Assert.InRange(await pod.CountAboveAsync("a", 0), 1, reached);
        Assert.Contains("starts without the image", shim.Log, StringComparison.Ordinal);

        // A second checkpoint and a second restore, of what was restored.
        string again = Path.Combine(shim.Directory, "again");
        int further = await pod.CountAboveAsync("b", reached);
        await shim.Tasks.CheckpointAsync(new CheckpointTaskRequest { Id = pod.IdOf("b"), Path = again });
        await pod.RemoveAsync();
        HarnessPod third = new(shim, "third");
        // Names find their places in another order, too.
        await third.CreateSandboxAsync(again);
        await third.StartAsync(third.Sandbox);
        foreach (string container in (string[])["b", "a"])
        {
            await third.CreateAsync(container, again);
            await third.StartAsync(third.IdOf(container));
        }
        Assert.InRange(await third.CountAboveAsync("b", 0), further, int.MaxValue);
        await third.RemoveAsync();
        shim.AssertNothingLeft();
    }

    [Fact]
    public async Task A_checkpoint_with_exit_ends_all_containers_with_0_and_a_later_resume_is_harmless()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        HarnessPod pod = new(shim, "first");
        await pod.RunAsync("a", "b");
        await shim.Tasks.PauseAsync(new PauseRequest { Id = pod.IdOf("b") });
        await shim.Tasks.CheckpointAsync(new CheckpointTaskRequest
        {
            Id = pod.IdOf("b"),
            Path = Path.Combine(shim.Directory, "image"),
            Options = CheckpointTests.Options(exit: true),
        });
        await shim.Tasks.ResumeAsync(new ResumeRequest { Id = pod.IdOf("b") });
        foreach (string id in (string[])[pod.IdOf("a"), pod.IdOf("b"), pod.Sandbox])
        {
            Assert.Equal(0u, (await shim.Tasks.WaitAsync(new WaitRequest { Id = id })).ExitStatus);
            await pod.DeleteAsync(id);
        }
        string[] topics = [.. shim.Events.Select(static envelope => envelope.Topic)];
        Assert.InRange(Array.IndexOf(topics, "/tasks/checkpointed"), 0, Array.IndexOf(topics, "/tasks/exit") - 1);
        Assert.Equal(3, topics.Count(static topic => topic == "/tasks/exit"));
        Assert.DoesNotContain("/tasks/resumed", topics);
        shim.AssertNothingLeft();
    }

    [Fact]
    public async Task Containers_that_do_not_fit_the_image_are_rejected()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        (string image, _) = await CheckpointAndEndAsync(shim);
        HarnessPod pod = new(shim, "second");
        await pod.CreateSandboxAsync(image);
        await pod.CreateAsync("a");
        await AssertCodeAsync(StatusCode.FailedPrecondition, "the sandbox's own container must be started first",
            pod.StartAsync(pod.IdOf("a")));
        await AssertCodeAsync(StatusCode.FailedPrecondition, "but no container x", pod.CreateAsync("x"));
        string other = Directory.CreateDirectory(Path.Combine(shim.Directory, "other")).FullName;
        await AssertCodeAsync(StatusCode.FailedPrecondition, "an image is of a whole sandbox",
            pod.CreateAsync("b", other));

        // None of that did any harm.
        await pod.StartAsync(pod.Sandbox);
        await pod.StartAsync(pod.IdOf("a"));
        await pod.CreateAsync("b", image);
        await pod.StartAsync(pod.IdOf("b"));
        await pod.CountAboveAsync("a", 0);
        // A container that is created afterwards is not restored, and may not ask for it.
        await AssertCodeAsync(StatusCode.FailedPrecondition, "joins a sandbox that is already running",
            pod.CreateAsync("y", image));
        await pod.CreateAsync("y");
        await pod.StartAsync(pod.IdOf("y"));
        await pod.CountAboveAsync("y", 0);
        await pod.RemoveAsync();

        // A container of its own cannot take the image of a pod.
        shim.WriteBundle("alone", ["sleep", "1000"]);
        await AssertCodeAsync(StatusCode.FailedPrecondition, "holds 3 containers, and container alone is not of a pod",
            shim.Tasks.CreateAsync(
                new CreateTaskRequest
                {
                    Id = "alone",
                    Bundle = shim.BundleOf("alone"),
                    Options =
                    shim.Options,
                    Checkpoint = image
                }));
        shim.AssertNothingLeft();
    }

    [Fact]
    public async Task The_restore_ends_when_a_container_does_not_come_in_time()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync("restore.timeout = 5");
        (string image, _) = await CheckpointAndEndAsync(shim);
        HarnessPod pod = new(shim, "second");
        await pod.CreateSandboxAsync(image);
        await pod.StartAsync(pod.Sandbox);
        await pod.CreateAsync("a");
        await pod.StartAsync(pod.IdOf("a"));
        foreach (string id in (string[])[pod.IdOf("a"), pod.Sandbox])
        {
            Assert.Equal(128u, (await shim.Tasks.WaitAsync(new WaitRequest { Id = id })).ExitStatus);
            Assert.Equal(128u, await pod.DeleteAsync(id));
        }
        Assert.Contains("no further container for 5 s, missing: container b", shim.Log, StringComparison.Ordinal);
        shim.AssertNothingLeft();
    }

    [Theory]
    [InlineData("a")]
    [InlineData("sandbox")]
    public async Task Killing_a_container_that_waits_ends_the_restore(string killed)
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        (string image, _) = await CheckpointAndEndAsync(shim);
        HarnessPod pod = new(shim, "second");
        await pod.CreateSandboxAsync(image);
        await pod.StartAsync(pod.Sandbox);
        await pod.CreateAsync("a");
        await pod.StartAsync(pod.IdOf("a"));
        string victim = killed == "a" ? pod.IdOf("a") : pod.Sandbox;
        await shim.Tasks.KillAsync(new KillRequest { Id = victim, Signal = 15 });
        foreach (string id in (string[])[pod.IdOf("a"), pod.Sandbox])
        {
            Assert.Equal(id == victim ? 143u : 128u,
                (await shim.Tasks.WaitAsync(new WaitRequest { Id = id })).ExitStatus);
            await pod.DeleteAsync(id);
        }
        shim.AssertNothingLeft();
    }

    [Fact]
    public async Task Checkpoint_is_rejected_while_a_container_does_not_run()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        HarnessPod pod = new(shim, "first");
        await pod.RunAsync("a");
        await pod.CreateAsync("b");
        string image = Path.Combine(shim.Directory, "image");
        await AssertCodeAsync(StatusCode.FailedPrecondition,
            "its container first-b is created; start it, or delete it, first",
            shim.Tasks.CheckpointAsync(new CheckpointTaskRequest { Id = pod.IdOf("a"), Path = image }));
        await pod.StartAsync(pod.IdOf("b"));
        await shim.Tasks.KillAsync(new KillRequest { Id = pod.IdOf("b"), Signal = 9 });
        await shim.Tasks.WaitAsync(new WaitRequest { Id = pod.IdOf("b") });
        await AssertCodeAsync(StatusCode.FailedPrecondition, "its container first-b is stopped",
            shim.Tasks.CheckpointAsync(new CheckpointTaskRequest { Id = pod.IdOf("a"), Path = image }));
        Assert.False(Directory.Exists(image));
        await pod.DeleteAsync(pod.IdOf("b"));
        await shim.Tasks.CheckpointAsync(new CheckpointTaskRequest { Id = pod.IdOf("a"), Path = image });
        await pod.RemoveAsync();
    }

    /// <summary>An image of a pod of two containers, whose restore is the whole test.</summary>
    internal static async Task<(string Image, int Reached)> CheckpointAndEndAsync(ShimHarness shim, bool volume = false)
    {
        HarnessPod pod = new(shim, "first", volume);
        await pod.RunAsync("a", "b");
        int reached = Math.Min(await pod.CountAboveAsync("a", Counter.Far),
            await pod.CountAboveAsync("b", Counter.Far));
        string image = Path.Combine(shim.Directory, "image");
        await shim.Tasks.CheckpointAsync(new CheckpointTaskRequest { Id = pod.IdOf("a"), Path = image });
        await pod.RemoveAsync();
        return (image, reached);
    }

    private static GvisorApi.TaskServiceClient Gvisor(ShimHarness shim) => new(shim.Channel);

    private static async Task AssertExecAsync(ShimHarness shim, string id)
    {
        await shim.ExecAsync(id, "e", "true");
        await shim.Tasks.StartAsync(new StartRequest { Id = id, ExecId = "e" });
        Assert.Equal(0u, (await shim.Tasks.WaitAsync(new WaitRequest { Id = id, ExecId = "e" })).ExitStatus);
        await shim.Tasks.DeleteAsync(new DeleteRequest { Id = id, ExecId = "e" });
    }
}
