using Containerd.Api.Events;
using Containerd.Api.Tasks;
using Testing;
using Status = Containerd.Api.Tasks.Status;
using Task = System.Threading.Tasks.Task;

namespace EndToEnd;

/// <summary>What events say, and what the shim answers when they are sent.</summary>
public class EventTests
{
    private const int Rounds = 4;

    [Fact]
    public async Task The_container_is_known_before_its_create_event_is_sent()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        Status? seen = null;
        shim.OnEvent = async envelope =>
        {
            if (envelope.Topic == "/tasks/create")
                seen = (await shim.Tasks.StateAsync(new StateRequest { Id = "c" })).Status;
        };
        await shim.RunAsync("c");
        Assert.Equal(["/tasks/create", "/tasks/start"], await shim.TopicsAsync(2));
        Assert.NotNull(seen);
        Assert.NotEqual(Status.Unknown, seen);
    }

    [Fact]
    public async Task An_execs_exit_comes_before_that_of_its_killed_container()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        for (int round = 0; round < Rounds; round++)
        {
            string id = $"c{round}";
            shim.WriteBundle(id, ["sleep", "1000"]);
            await shim.RunAsync(id);
            foreach (string exec in (string[])["e", "f"])
            {
                await shim.ExecAsync(id, exec, "sleep", "1000");
                await shim.Tasks.StartAsync(new StartRequest { Id = id, ExecId = exec });
            }
            await shim.Tasks.KillAsync(new KillRequest { Id = id, Signal = 9, All = true });
            await shim.Tasks.WaitAsync(new WaitRequest { Id = id });
            string[] Exits() => [.. shim.Events.Where(static each => each.Topic == "/tasks/exit")
                .Select(static each => TaskExit.Parser.ParseFrom(each.Event.Value))
                .Where(exit => exit.ContainerId == id).Select(static exit => exit.Id)];
            await Eventually.TrueAsync("all exits are reported", () => Exits().Length == 3);
            Assert.Equal(id, Exits()[^1]);
            await shim.Tasks.DeleteAsync(new DeleteRequest { Id = id });
        }
    }

    [Fact]
    public async Task The_create_event_names_the_image()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        await shim.RunAsync("c");
        string image = Path.Combine(shim.Directory, "image");
        await shim.Tasks.CheckpointAsync(new CheckpointTaskRequest { Id = "c", Path = image });
        shim.WriteBundle("d", ["sleep", "1000"]);
        await shim.Tasks.CreateAsync(new CreateTaskRequest
        {
            Id = "d",
            Bundle = shim.BundleOf("d"),
            Options = shim.Options,
            Checkpoint = image,
        });
        await shim.TopicsAsync(4);
        Assert.Equal([("c", ""), ("d", image)], shim.Events.Where(static each => each.Topic == "/tasks/create")
            .Select(static each => TaskCreate.Parser.ParseFrom(each.Event.Value))
            .Select(static created => (created.ContainerId, created.Checkpoint)));
    }

    /// <summary>containerd's own client sends an exec with a terminal and a specification without one.</summary>
    [Fact]
    public async Task The_terminal_of_the_request_decides()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        await shim.RunAsync("c");
        string output = Path.Combine(shim.Directory, "out");
        NativeCalls.CreateFifo(output);
        using Linux.Descriptor keptOpen = Linux.Fifo.OpenBoth(output);
        await shim.Tasks.ExecAsync(new ExecProcessRequest
        {
            Id = "c",
            ExecId = "e",
            Terminal = true,
            Stdout = output,
            Spec = OciProcess.ToAny("""
                {"user":{"uid":0,"gid":0},"cwd":"/","env":["PATH=/bin"],"terminal":false,
                "args":["sh","-c","i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo $i; done"]}
                """),
        });
        await shim.Tasks.StartAsync(new StartRequest { Id = "c", ExecId = "e" });
        using StreamReader reader = new(
            new FileStream(output, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0));
        keptOpen.Dispose();
        string text = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.EndsWith("\n4999\r\n5000\r\n", text, StringComparison.Ordinal);
        Assert.Equal(0u, (await shim.Tasks.WaitAsync(new WaitRequest { Id = "c", ExecId = "e" })).ExitStatus);
    }
}
