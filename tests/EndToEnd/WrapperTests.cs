using Containerd.Api.Tasks;
using Linux;
using Testing;
using Task = System.Threading.Tasks.Task;

namespace EndToEnd;

/// <summary><c>binary_name</c> is a program that prints lines of its own and runs runsc.</summary>
public sealed class WrapperTests
{
    [Fact]
    public async Task A_container_lives_its_life_with_a_wrapper_that_prints()
    {
        using TempDirectory directory = new();
        string wrapper = directory["runsc"];
        await File.WriteAllTextAsync(wrapper, $"""
            #!/bin/sh
            echo "wrapper: one line"
            echo "wrapper: another" >&2
            exec {Tools.Runsc} "$@"
            """);
        File.SetUnixFileMode(wrapper, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        await using ShimHarness shim = await ShimHarness.StartAsync(runsc: wrapper);
        await shim.RunAsync("c");
        await shim.ExecAsync("c", "e", "true");
        await shim.Tasks.StartAsync(new StartRequest { Id = "c", ExecId = "e" });
        Assert.Equal(0u, (await shim.Tasks.WaitAsync(new WaitRequest { Id = "c", ExecId = "e" })).ExitStatus);
        await shim.Tasks.PauseAsync(new PauseRequest { Id = "c" });
        await shim.Tasks.ResumeAsync(new ResumeRequest { Id = "c" });
        Assert.NotNull((await shim.Tasks.StatsAsync(new StatsRequest { Id = "c" })).Stats);
        string image = Path.Combine(shim.Directory, "image");
        await shim.Tasks.CheckpointAsync(new CheckpointTaskRequest { Id = "c", Path = image });
        Assert.DoesNotContain("wrapper", await File.ReadAllTextAsync(Path.Combine(image, "shim.json")),
            StringComparison.Ordinal);
        await shim.Tasks.KillAsync(new KillRequest { Id = "c", Signal = Signals.SIGKILL });
        Assert.Equal(137u, (await shim.Tasks.WaitAsync(new WaitRequest { Id = "c" })).ExitStatus);
        await shim.Tasks.DeleteAsync(new DeleteRequest { Id = "c" });
        shim.AssertNothingLeft();
    }
}
