using Containerd.Api.Tasks;
using Grpc.Core;
using Testing;
using Status = Containerd.Api.Tasks.Status;
using Task = System.Threading.Tasks.Task;

namespace EndToEnd;

/// <summary>Containers that are restored from an image of their sandbox.</summary>
public class RestoreTests(Daemons daemons) : ContainerTest(daemons)
{
    [Theory, ContainerdVersions]
    public async Task Checkpointed_and_restored_by_ctr(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string first = Id("counter"), second = Id("restored"), reference = $"localhost/{first}:checkpoint";
        (await daemon.CtrAsync(daemon.Run(first, ["-d"], "sh", "-c", Counter.Script))).Succeeded();
        // Written by another than the container's own command, which could write it anew.
        (await daemon.CtrAsync("tasks", "exec", "--exec-id", "write", first, "sh", "-c", "echo kept > /tmp/file"))
            .Succeeded();
        int before = await Counter.AboveAsync(daemon, first, Counter.Far);
        (await daemon.CtrAsync("containers", "checkpoint", "--rw", "--task", "--image", first, reference)).Succeeded();
        try
        {
            (await daemon.CtrAsync("tasks", "kill", "-s", "KILL", first)).Succeeded();
            await UntilStoppedAsync(daemon, first);
            await daemon.CtrAsync("tasks", "delete", first);
            (await daemon.CtrAsync("containers", "rm", first)).Succeeded();

            (await daemon.CtrAsync("containers", "restore", "--live", second, reference)).Succeeded();
            // What was in memory continues, and what was written to the root file system is there.
            int count = await Counter.AboveAsync(daemon, second, 0);
            Assert.InRange(count, before, int.MaxValue);
            await Counter.AboveAsync(daemon, second, count);
            Assert.Equal("kept\n",
                (await daemon.CtrAsync("tasks", "exec", "--exec-id", "file", second, "cat", "/tmp/file")).Succeeded());

            // It is as any other container.
            Assert.Equal("RUNNING", await StatusAsync(daemon, second));
            Assert.Contains("memory.usage", (await daemon.CtrAsync("tasks", "metrics", second)).Succeeded(),
                StringComparison.Ordinal);
            (await daemon.CtrAsync("tasks", "kill", "-s", "TERM", second)).Succeeded();
            await UntilStoppedAsync(daemon, second);
            Assert.Contains("exit code 143", (await daemon.CtrAsync("tasks", "delete", second)).Error,
                StringComparison.Ordinal);
        }
        finally
        {
            await daemon.CtrAsync("images", "rm", "--sync", reference);
        }
    }

    [Fact]
    public async Task A_restored_container_can_be_checkpointed_and_restored_again()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        await RunAsync(shim, "c", null);
        int count = await Counter.AboveAsync(shim, "c", Counter.Far);
        // A second image of what was restored from the first, and so on.
        for (int i = 0; i < 3; i++)
        {
            string image = Path.Combine(shim.Directory, $"image{i}"), id = $"r{i}";
            await shim.Tasks.CheckpointAsync(new CheckpointTaskRequest
            {
                Id = i == 0 ? "c" : $"r{i - 1}",
                Path = image
            });
            await RunAsync(shim, id, image);
            int next = await Counter.AboveAsync(shim, id, 0);
            Assert.InRange(next, count, int.MaxValue);
            count = await Counter.AboveAsync(shim, id, next);
        }
        Assert.Equal(Status.Running, (await shim.Tasks.StateAsync(new StateRequest { Id = "r2" })).Status);
        foreach (string id in (string[])["c", "r0", "r1", "r2"])
        {
            await shim.Tasks.KillAsync(new KillRequest { Id = id, Signal = 9 });
            Assert.Equal(137u, (await shim.Tasks.WaitAsync(new WaitRequest { Id = id })).ExitStatus);
            await shim.Tasks.DeleteAsync(new DeleteRequest { Id = id });
        }
        shim.AssertNothingLeft();
    }

    [Fact]
    public async Task Create_rejects_a_path_without_an_image()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        string empty = Directory.CreateDirectory(Path.Combine(shim.Directory, "empty")).FullName;
        string file = Path.Combine(shim.Directory, "file");
        await File.WriteAllTextAsync(file, "");
        foreach ((string path, string words) in ((string, string)[])
        [
            (Path.Combine(shim.Directory, "nowhere"), "/nowhere does not exist"),
            (empty, "holds no image (no file checkpoint.img"),
            (file, "Not a directory"),
            ("relative", "is not absolute"),
        ])
        {
            RpcException error = await Assert.ThrowsAsync<RpcException>(async () => await CreateAsync(shim, "c", path));
            Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
            Assert.Contains("container c cannot be restored", error.Status.Detail, StringComparison.Ordinal);
            Assert.Contains(words, error.Status.Detail, StringComparison.OrdinalIgnoreCase);
        }
        Assert.Empty(shim.Events);
        shim.AssertNothingLeft();
    }

    [Theory]
    [InlineData("empty", "checkpoint.img is empty, truncated or not a checkpoint of runsc")]
    [InlineData("foreign", "checkpoint.img is empty, truncated or not a checkpoint of runsc")]
    [InlineData("beginning", "the header of checkpoint.img is truncated or damaged")]
    [InlineData("link", "checkpoint.img is not a regular file")]
    public async Task Create_rejects_an_image_whose_header_cannot_be_read(string kind, string refusal)
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        string image = await CheckpointAsync(shim), file = Path.Combine(image, "checkpoint.img");
        byte[] bytes = await File.ReadAllBytesAsync(file);
        File.Delete(file);
        if (kind == "link")
            File.CreateSymbolicLink(file, "/etc/passwd");
        else
            await File.WriteAllBytesAsync(file, kind switch
            {
                "empty" => [],
                "beginning" => bytes[..20],
                _ => [.. "#!/bin/sh\n"u8, .. bytes],
            });
        RpcException refused = await Assert.ThrowsAsync<RpcException>(() => CreateAsync(shim, "bad", image));
        Assert.Equal((StatusCode.InvalidArgument, $"container bad cannot be restored: image {image}: {refusal}"),
            (refused.StatusCode, WithoutEnd(refused.Status.Detail, refusal)));
        Assert.Empty(Processes.Mentioning(shim.BundleOf("bad")));
    }

    /// <summary>Only runsc sees what is wrong further on in an image.</summary>
    [Fact]
    public async Task Start_fails_when_the_image_is_truncated_and_leaves_nothing()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        string image = await CheckpointAsync(shim), file = Path.Combine(image, "checkpoint.img");
        byte[] bytes = await File.ReadAllBytesAsync(file);
        await File.WriteAllBytesAsync(file, bytes[..(bytes.Length / 2)]);
        await CreateAsync(shim, "bad", image);
        RpcException error = await Assert.ThrowsAsync<RpcException>(
            async () => await shim.Tasks.StartAsync(new StartRequest { Id = "bad" }));
        Assert.Contains("OCI runtime restore failed: ", error.Status.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("no reason given", error.Status.Detail, StringComparison.Ordinal);
        StateResponse state = await shim.Tasks.StateAsync(new StateRequest { Id = "bad" });
        Assert.Equal((Status.Stopped, 128u), (state.Status, state.ExitStatus));
        Assert.Equal(128u, (await shim.Tasks.WaitAsync(new WaitRequest { Id = "bad" })).ExitStatus);
        Assert.Equal(128u, (await shim.Tasks.DeleteAsync(new DeleteRequest { Id = "bad" })).ExitStatus);
        Assert.Empty(Processes.Mentioning(shim.BundleOf("bad")));
        // The shim and its other container keep running.
        await Counter.AboveAsync(shim, "c", 1);
    }

    [Fact]
    public async Task A_container_that_joins_a_sandbox_cannot_be_restored_into_it()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        await RunAsync(shim, "c", null);
        string image = Path.Combine(shim.Directory, "image");
        await shim.Tasks.CheckpointAsync(new CheckpointTaskRequest { Id = "c", Path = image });
        shim.WriteBundle("app", ["sh", "-c", Counter.Script],
            spec => spec["annotations"] = PodAnnotations.OfContainer("c").ToJson());
        RpcException error = await Assert.ThrowsAsync<RpcException>(async () =>
            await shim.Tasks.CreateAsync(new CreateTaskRequest
            {
                Id = "app",
                Bundle = shim.BundleOf("app"),
                Options = shim.Options,
                Checkpoint = image,
            }));
        Assert.Equal(StatusCode.FailedPrecondition, error.StatusCode);
        Assert.Contains("gVisor saves and restores whole sandboxes", error.Status.Detail, StringComparison.Ordinal);
    }

    /// <summary>An image of a running container c.</summary>
    private static async Task<string> CheckpointAsync(ShimHarness shim)
    {
        await RunAsync(shim, "c", null);
        await Counter.AboveAsync(shim, "c", 1);
        string image = Path.Combine(shim.Directory, "image");
        await shim.Tasks.CheckpointAsync(new CheckpointTaskRequest { Id = "c", Path = image });
        return image;
    }

    private static string WithoutEnd(string message, string words) =>
        message.Contains(words, StringComparison.Ordinal)
            ? message[..(message.IndexOf(words, StringComparison.Ordinal) + words.Length)] : message;

    private static async Task RunAsync(ShimHarness shim, string id, string? image)
    {
        await CreateAsync(shim, id, image);
        await shim.Tasks.StartAsync(new StartRequest { Id = id });
    }

    private static async Task CreateAsync(ShimHarness shim, string id, string? image)
    {
        shim.WriteBundle(id, ["sh", "-c", Counter.Script]);
        await shim.Tasks.CreateAsync(new CreateTaskRequest
        {
            Id = id,
            Bundle = shim.BundleOf(id),
            Options = shim.Options,
            Checkpoint = image ?? "",
        });
    }
}
