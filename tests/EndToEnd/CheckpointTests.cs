using Containerd.Api.Runc;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Testing;

namespace EndToEnd;

/// <summary>Images of containers, by the clients that people use.</summary>
public class CheckpointTests(Daemons daemons) : ContainerTest(daemons)
{
    /// <summary>runc's options of a checkpoint, as clients send them.</summary>
    internal static Any Options(bool exit = false, string workPath = "") => new()
    {
        TypeUrl = "containerd.runc.v1.CheckpointOptions",
        Value = new CheckpointOptions { Exit = exit, WorkPath = workPath }.ToByteString(),
    };

    /// <summary>
    /// Older `ctr`s send no options for a runtime other than runc: neither path nor exit reach the shim.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_checkpoint_to_a_directory_leaves_the_task_as_it_was(bool paused)
    {
        Daemon daemon = await DaemonAsync(NewestContainerd());
        string id = Id("counter"), image = Path.Combine(daemon.Directory, id, "image");
        int before = await RunCounterAsync(daemon, id, paused);
        (await daemon.CtrAsync("tasks", "checkpoint", "--image-path", image, id)).Succeeded();
        Image.AssertComplete(image);
        // ctr resumes only what it has paused itself.
        Assert.Equal(paused ? "PAUSED" : "RUNNING", await StatusAsync(daemon, id));
        if (paused)
            (await daemon.CtrAsync("tasks", "resume", id)).Succeeded();
        await Counter.AboveAsync(daemon, id, before + 10);
        string refused = (await daemon.CtrAsync("tasks", "checkpoint", "--image-path", image, id)).Failed();
        Assert.Contains("already holds an image (checkpoint.img), which is not overwritten", refused,
            StringComparison.Ordinal);
        await Counter.AboveAsync(daemon, id, before + 20);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_checkpoint_with_exit_ends_the_task_with_0(bool paused)
    {
        Daemon daemon = await DaemonAsync(NewestContainerd());
        string id = Id("counter"), image = Path.Combine(daemon.Directory, id, "image");
        await RunCounterAsync(daemon, id, paused);
        (await daemon.CtrAsync("tasks", "checkpoint", "--image-path", image, "--exit", id)).Succeeded();
        Image.AssertComplete(image);
        await UntilStoppedAsync(daemon, id);
        CommandResult deleted = await daemon.CtrAsync("tasks", "delete", id);
        Assert.Equal((0, ""), (deleted.ExitCode, deleted.Error));
    }

    /// <summary>
    /// containerd 2.x hands the option of runc's that names an image on to any shim, as the image to restore.
    /// </summary>
    [Fact]
    public async Task A_task_is_restored_from_the_image_that_its_options_name()
    {
        // runc's options have no room for ours, so the node's defaults apply: runsc on PATH.
        using TempDirectory path = new("runsc-path-");
        path.WriteProgram("runsc", $"#!/bin/sh\nexec {Tools.Runsc} --network=none \"$@\"\n");
        Daemon daemon = await OwnDaemonAsync(NewestContainerd(), path.Path);
        string first = Id("first"), second = Id("second"), image = Path.Combine(daemon.Directory, "image");
        (await daemon.CtrAsync(daemon.Run(first, ["-d"], "sh", "-c", Counter.Script))).Succeeded();
        int before = await Counter.AboveAsync(daemon, first, Counter.Far);
        (await daemon.CtrAsync("tasks", "checkpoint", "--image-path", image, "--exit", first)).Succeeded();
        await UntilStoppedAsync(daemon, first);
        (await daemon.CtrAsync("tasks", "delete", first)).Succeeded();

        (await daemon.CtrAsync("containers", "create", "--runtime", "io.containerd.runsc.v1", Tools.ImageName, second,
            "sh", "-c", Counter.Script)).Succeeded();
        await ContainerdClient.CreateTaskAsync(daemon, second, image);
        await ContainerdClient.StartTaskAsync(daemon, second);
        Assert.InRange(await Counter.AboveAsync(daemon, second, 0), before, int.MaxValue);
        // While its runsc is there.
        (await daemon.CtrAsync("tasks", "kill", "-s", "KILL", second)).Succeeded();
        await UntilStoppedAsync(daemon, second);
        await daemon.CtrAsync("tasks", "delete", second);
    }

    private static string NewestContainerd() => Requires.Containerd(2, 0, "an image's path");

    private static async Task<int> RunCounterAsync(Daemon daemon, string id, bool paused)
    {
        (await daemon.CtrAsync(daemon.Run(id, ["-d"], "sh", "-c", Counter.Script))).Succeeded();
        int count = await Counter.AboveAsync(daemon, id, 10);
        if (paused)
            (await daemon.CtrAsync("tasks", "pause", id)).Succeeded();
        return count;
    }
}
