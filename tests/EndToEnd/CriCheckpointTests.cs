using Containerd.Grpc.Cri;
using Grpc.Core;
using Testing;

namespace EndToEnd;

/// <summary>Checkpoint and restore of pods as a kubelet sees them.</summary>
public class CriCheckpointTests(Daemons daemons) : CriTest(daemons)
{
    [Theory, ContainerdVersions]
    public async Task A_pod_with_a_shared_emptyDir_on_disk_is_restored_by_annotation(string version)
    {
        (Kubelet kubelet, string images) = await KubeletWithImagesAsync(version);
        Pod first = await kubelet.RunPodAsync(With(images: null));
        PodContainer app = await first.RunAsync(Counting("app"));
        // Written by another than the container's own command, which could write it anew.
        (await app.ExecAsync("sh", "-c", "echo kept > /data/kept")).Succeeded();
        int reached = await Counter.AboveAsync(app, Counter.Far, "/data/n");
        string image = Path.Combine(images, "first");
        await ShimService.CheckpointAsync(first, image);
        await first.StopAsync();
        await first.RemoveAsync();

        // Another pod, of another uid and with directories of its own.
        Pod second = await kubelet.RunPodAsync(With(image));
        Assert.Equal(PodSandboxState.SandboxReady, (await second.StatusAsync()).State);
        PodContainer back = await second.RunAsync(Counting("app"));
        int count = await Counter.AboveAsync(back, 0);
        Assert.InRange(count, reached, int.MaxValue);
        await Counter.AboveAsync(back, count, "/data/n");
        Assert.Equal("kept\n", (await back.ExecAsync("cat", "/data/kept")).Succeeded());
        Assert.Equal([$".gvisor.filestore.{second.Id}"],
            Directory.EnumerateFileSystemEntries(second.VolumePath("data")).Select(Path.GetFileName));

        // As any other pod: its log, its statistics, another container, a second checkpoint.
        await back.UntilLoggedAsync($"{count + 50}");
        ContainerStats stats =
            (await kubelet.Runtime.ContainerStatsAsync(new ContainerStatsRequest { ContainerId = back.Id })).Stats;
        Assert.True(stats.Memory.WorkingSetBytes.Value > 0 && stats.Cpu.UsageCoreNanoSeconds.Value > 0, $"{stats}");
        PodContainer other = await second.RunAsync(new ContainerSettings("other", "sleep", "1000"));
        (await other.ExecAsync("true")).Succeeded();
        await ShimService.CheckpointAsync(second, Path.Combine(images, "second"));
        await other.StopAsync(0);

        // runsc would give a container that is made later the volume's file to write anew.
        RpcException refused = await Assert.ThrowsAsync<RpcException>(() => second.RunAsync(Counting("reader")));
        Assert.Contains("mount /data: volume data was restored from image", refused.Status.Detail,
            StringComparison.Ordinal);
        Assert.Equal("kept\n", (await back.ExecAsync("cat", "/data/kept")).Succeeded());
        await second.StopAsync();
        Assert.Equal(PodSandboxState.SandboxNotready, (await second.StatusAsync()).State);
    }

    /// <summary>The pod's annotation is on it, too, and is not followed a second time.</summary>
    [Theory, ContainerdVersions(NewestOnly = true)]
    public async Task A_restarted_container_is_not_restored_again(string version)
    {
        (Kubelet kubelet, string images) = await KubeletWithImagesAsync(version);
        Pod first = await kubelet.RunPodAsync();
        ContainerSettings counting = new("app", "sh", "-c", Counter.Script);
        int reached = await Counter.AboveAsync(await first.RunAsync(counting), Counter.Far);
        string image = Path.Combine(images, "first");
        await ShimService.CheckpointAsync(first, image);
        await first.RemoveAsync();

        Pod second = await kubelet.RunPodAsync(new PodSettings
        {
            Annotations = new Dictionary<string, string> { [PodAnnotations.RestoreImage] = image },
        });
        PodContainer app = await second.RunAsync(counting);
        Assert.InRange(await Counter.AboveAsync(app, 0), reached, int.MaxValue);
        await app.StopAsync(0);
        Assert.Equal(137, (await app.StatusAsync()).ExitCode);
        PodContainer again = await second.RunAsync(counting);
        Assert.Equal(1u, again.Attempt);
        Assert.InRange(await Counter.AboveAsync(again, 0), 1, reached - 1);
        Assert.Contains("starts without the image", await File.ReadAllTextAsync(kubelet.Daemon.LogFile),
            StringComparison.Ordinal);
        await again.RemoveAsync();
        await app.RemoveAsync();
    }

    [Theory, ContainerdVersions]
    public async Task Two_containers_with_a_volume_on_disk_are_restored(string version)
    {
        Assert.SkipUnless(RunscCapabilities.RestoresSharedDiskVolumes,
            "this runsc cannot restore shared volumes on disk");
        (Kubelet kubelet, string images) = await KubeletWithImagesAsync(version);
        (string image, int reached) = await CheckpointAsync(kubelet, images, 3, "a", "b");
        Pod second = await kubelet.RunPodAsync(With(image));
        PodContainer a = await second.RunAsync(Counting("a")), b = await second.RunAsync(Counting("b"));
        foreach (PodContainer container in (PodContainer[])[a, b])
            Assert.InRange(await Counter.AboveAsync(container, 0), reached, int.MaxValue);
        (await a.ExecAsync("sh", "-c", "echo shared > /data/f")).Succeeded();
        Assert.Equal("shared\n", (await b.ExecAsync("cat", "/data/f")).Succeeded());
    }

    [Theory, ContainerdVersions]
    public async Task The_pod_ends_where_runsc_cannot_restore_two_containers_with_a_volume_on_disk(string version)
    {
        Assert.SkipWhen(RunscCapabilities.RestoresSharedDiskVolumes, "this runsc restores shared volumes on disk");
        (Kubelet kubelet, string images) = await KubeletWithImagesAsync(version);
        (string image, _) = await CheckpointAsync(kubelet, images, 3, "a", "b");

        Pod second = await kubelet.RunPodAsync(With(image));
        PodContainer a = await second.RunAsync(Counting("a"));
        PodContainer b = await second.CreateAsync(Counting("b"));
        RpcException error = await Assert.ThrowsAsync<RpcException>(b.StartAsync);
        Assert.Contains("several of them share a volume on disk, which gVisor before release-20260803.0 cannot restore",
            error.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(128, (await a.UntilExitedAsync()).ExitCode);
        Assert.Equal(128, (await b.UntilExitedAsync()).ExitCode);
        await Eventually.TrueAsync("the sandbox is not ready",
            async () => (await second.StatusAsync()).State == PodSandboxState.SandboxNotready);
        await AssertNothingRunsAsync(kubelet);
        await kubelet.Daemon.StopAsync();
        await kubelet.Daemon.StartProcessAsync();
        await kubelet.UntilReadyAsync();
    }

    [Theory, ContainerdVersions]
    public async Task Image_paths_that_the_node_does_not_allow_are_rejected(string version)
    {
        (Kubelet kubelet, string images) = await KubeletWithImagesAsync(version);
        string outside = Directory.CreateDirectory(images + "-outside").FullName;
        Directory.CreateSymbolicLink(Path.Combine(images, "link"), outside);
        Directory.CreateDirectory(Path.Combine(images, "empty"));
        foreach ((string path, string words) in ((string, string)[])
        [
            (outside, "is not below restore_root"), ($"{images}/../{Path.GetFileName(outside)}", "without \"..\""),
            (Path.Combine(images, "link"), "without links"), (Path.Combine(images, "none"), "/none does not exist"),
            (Path.Combine(images, "empty"), "holds no image"), ("relative", "is not below restore_root"),
        ])
        {
            Pod pod = await kubelet.MakePodAsync(With(path));
            RpcException error = await Assert.ThrowsAsync<RpcException>(() => pod.RunSandboxAsync());
            Assert.Contains(words, error.Status.Detail, StringComparison.Ordinal);
            await pod.RemoveAsync();
        }
        await AssertNothingRunsAsync(kubelet);
    }

    [Fact]
    public async Task Without_restore_root_every_image_path_is_rejected()
    {
        Kubelet kubelet = await KubeletAsync(Tools.NewestContainerd);
        Pod pod = await kubelet.MakePodAsync(With("/var/lib/images/a"));
        RpcException error = await Assert.ThrowsAsync<RpcException>(() => pod.RunSandboxAsync());
        Assert.Contains("the shim's configuration has no restore_root that allows it", error.Status.Detail,
            StringComparison.Ordinal);
    }

    /// <summary>A pod that stands at a torn image is as gone as one that never was.</summary>
    [Theory, ContainerdVersions]
    public async Task A_truncated_image_fails_the_restore_and_leaves_nothing(string version)
    {
        (Kubelet kubelet, string images) = await KubeletWithImagesAsync(version);
        string image = Path.Combine(images, "torn");
        Pod first = await kubelet.RunPodAsync(With(images: null));
        await Counter.AboveAsync(await first.RunAsync(Counting("app")), 3);
        await ShimService.CheckpointAsync(first, image);
        await first.RemoveAsync();
        string state = Path.Combine(image, "checkpoint.img");
        await File.WriteAllBytesAsync(state,
            (await File.ReadAllBytesAsync(state))[..(int)(new FileInfo(state).Length / 2)]);

        Pod second = await kubelet.RunPodAsync(With(image));
        PodContainer app = await second.CreateAsync(Counting("app"));
        RpcException error = await Assert.ThrowsAsync<RpcException>(app.StartAsync);
        Assert.Contains("OCI runtime restore failed: ", error.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(128, (await app.UntilExitedAsync()).ExitCode);
        await Eventually.TrueAsync("the sandbox is not ready",
            async () => (await second.StatusAsync()).State == PodSandboxState.SandboxNotready);
        await app.RemoveAsync();
        await AssertNothingRunsAsync(kubelet);
        await kubelet.Daemon.StopAsync();
        await kubelet.Daemon.StartProcessAsync();
        await kubelet.UntilReadyAsync();
    }

    /// <summary>In the middle of a restore, when the sandbox is paused and waits for its container.</summary>
    [Theory, ContainerdVersions(NewestOnly = true)]
    public async Task A_shim_that_is_killed_during_a_restore_leaves_nothing(string version)
    {
        (Kubelet kubelet, string images) = await KubeletWithImagesAsync(version);
        (string image, int reached) = await CheckpointAsync(kubelet, images, Counter.Far, "app");

        Pod second = await kubelet.RunPodAsync(With(image));
        Linux.Signals.Send(Assert.Single(Processes.Shims(kubelet.Daemon)), Linux.Signals.SIGKILL);
        await Eventually.TrueAsync("the sandbox is not ready",
            async () => (await second.StatusAsync()).State == PodSandboxState.SandboxNotready);
        await second.StopAsync();
        await second.RemoveAsync();
        await AssertNothingRunsAsync(kubelet);
        await kubelet.Daemon.StopAsync();
        await kubelet.Daemon.StartProcessAsync();
        await kubelet.UntilReadyAsync();
        // The image is as good as before.
        Pod third = await kubelet.RunPodAsync(With(image));
        Assert.InRange(await Counter.AboveAsync(await third.RunAsync(Counting("app")), 0), reached, int.MaxValue);
    }

    [Theory, ContainerdVersions]
    public async Task A_restore_that_waits_outlives_a_restart_of_containerd(string version)
    {
        (Kubelet kubelet, string images) = await KubeletWithImagesAsync(version);
        (string image, int reached) = await CheckpointAsync(kubelet, images, Counter.Far, "app");

        Pod second = await kubelet.RunPodAsync(With(image));
        int shim = Assert.Single(Processes.Shims(kubelet.Daemon));
        await kubelet.Daemon.KillAsync();
        await kubelet.Daemon.StartProcessAsync();
        await kubelet.UntilReadyAsync();
        Assert.Equal(PodSandboxState.SandboxReady, (await second.StatusAsync()).State);
        Assert.Equal(shim, Assert.Single(Processes.Shims(kubelet.Daemon)));
        Assert.InRange(
            await Counter.AboveAsync(await second.RunAsync(Counting("app")), 0), reached, int.MaxValue);
    }

    /// <summary>kubelet's checkpoint of a container; containerd 2.0 and later.</summary>
    [Fact]
    public async Task The_CRIs_archive_holds_the_image()
    {
        Requires.Tool("CRIU, which containerd asks for,", Path.Combine(Tools.CriuDirectory, "criu"));
        Kubelet kubelet = await KubeletAsync(Requires.Containerd(2, 0, "CheckpointContainer"));
        Pod pod = await kubelet.RunPodAsync();
        PodContainer app = await pod.RunAsync(new ContainerSettings("app", "sh", "-c", Counter.Script));
        int before = await Counter.AboveAsync(app, 10);
        string archive = Path.Combine(kubelet.Daemon.Directory, "archive.tar");
        await kubelet.Runtime.CheckpointContainerAsync(new CheckpointContainerRequest
        {
            ContainerId = app.Id,
            Location = archive
        });
        string[] files = (await Command.RunAsync("tar", ["-tf", archive])).Succeeded().Split('\n',
            StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("checkpoint/checkpoint.img", files);
        Assert.Contains("checkpoint/shim.json", files);
        await Counter.AboveAsync(app, before + 10);
        Assert.Equal(ContainerState.ContainerRunning, (await app.StatusAsync()).State);
    }

    /// <summary>
    /// An image of a pod whose containers share a volume and have counted above a number, and what all had reached; the
    /// pod is removed.
    /// </summary>
    private static async Task<(string Image, int Reached)> CheckpointAsync(
        Kubelet kubelet, string images, int above, params string[] names)
    {
        Pod first = await kubelet.RunPodAsync(With(images: null));
        int reached = int.MaxValue;
        foreach (string name in names)
            reached = Math.Min(reached, await Counter.AboveAsync(await first.RunAsync(Counting(name)), above));
        string image = Path.Combine(images, "first");
        await ShimService.CheckpointAsync(first, image);
        await first.RemoveAsync();
        return (image, reached);
    }

    private static PodSettings With(string? images) => new()
    {
        Annotations = new Dictionary<string, string>
        {
            [PodAnnotations.Hint("data", "share")] = "pod",
            [images is null ? "note" : PodAnnotations.RestoreImage] = images ?? "",
        },
        Volumes = [new EmptyDir("data")],
    };

    private static ContainerSettings Counting(string name) => new(name, "sh", "-c",
        "i=0; while :; do i=$((i+1)); echo $i > /tmp/n; echo $i > /data/n; echo $i; sleep 0.02; done")
    {
        Volumes = [new VolumeMount("data", "/data")],
    };

    private async Task<(Kubelet Kubelet, string Images)> KubeletWithImagesAsync(string version)
    {
        // Beside the daemon's own directory, whose name is not known yet.
        _images = Directory.CreateTempSubdirectory("shim-images-").FullName;
        return (await OwnKubeletAsync(version, $"restore_root = \"{_images}\""), _images);
    }

    private string? _images;

    /// <inheritdoc/>
    protected override void CleanUp()
    {
        foreach (string directory in _images is null ? [] : (string[])[_images, _images + "-outside"])
            if (Directory.Exists(directory))
                Directory.Delete(directory, recursive: true);
    }

    private static async Task AssertNothingRunsAsync(Kubelet kubelet)
    {
        await Eventually.TrueAsync("no sandbox, gofer or shim is left", () => Processes.Shims(kubelet.Daemon).Count == 0
            && !Processes.Mentioning(kubelet.Daemon.RunscRoot).Any(
                static pid => Processes.CommandLine(pid).StartsWith("runsc", StringComparison.Ordinal)));
        Assert.Empty(RunscRoot.Entries(Path.Combine(kubelet.Daemon.RunscRoot, "k8s.io")));
    }
}
