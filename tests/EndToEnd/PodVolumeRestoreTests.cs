using Containerd.Api.Tasks;
using Grpc.Core;
using Testing;
using static EndToEnd.PodRestoreTests;
using static EndToEnd.Refusals;
using Task = System.Threading.Tasks.Task;

namespace EndToEnd;

/// <summary>Pods with a volume on disk that are restored from an image, with the test in containerd's place.</summary>
public class PodVolumeRestoreTests
{
    [Fact]
    public async Task Containers_that_share_a_volume_on_disk_must_be_restored_in_order()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        (string image, _) = await CheckpointAndEndAsync(shim, volume: true);
        HarnessPod pod = new(shim, "second", volume: true);
        await pod.CreateSandboxAsync(image);
        await pod.StartAsync(pod.Sandbox);
        await AssertCodeAsync(
            StatusCode.FailedPrecondition, "container a is missing before container b", pod.CreateAsync("b"));
        await pod.CreateAsync("a");
        await pod.CreateAsync("b");
        await AssertCodeAsync(
            StatusCode.FailedPrecondition, "container a is not started yet", pod.StartAsync(pod.IdOf("b")));
        await pod.RemoveAsync();
        shim.AssertNothingLeft();
    }

    [Fact]
    public async Task Containers_that_share_a_volume_on_disk_are_restored()
    {
        Assert.SkipUnless(RunscCapabilities.RestoresSharedDiskVolumes,
            "this runsc cannot restore shared volumes on disk");
        await using ShimHarness shim = await ShimHarness.StartAsync();
        (string image, int reached) = await CheckpointAndEndAsync(shim, volume: true);
        HarnessPod pod = await RestoreUpToAsync(shim, image);
        await pod.StartAsync(pod.IdOf("b"));
        foreach (string container in (string[])["a", "b"])
        {
            int count = await pod.CountAboveAsync(container, 0);
            Assert.InRange(count, reached, int.MaxValue);
            await pod.CountAboveAsync(container, count, $"/data/{container}");
        }
        await pod.RemoveAsync();
        Assert.Empty(Directory.GetFileSystemEntries(pod.VolumePath));
        shim.AssertNothingLeft();
    }

    [Fact]
    public async Task Start_fails_where_runsc_cannot_restore_shared_volumes_on_disk()
    {
        Assert.SkipWhen(RunscCapabilities.RestoresSharedDiskVolumes, "this runsc restores shared volumes on disk");
        await using ShimHarness shim = await ShimHarness.StartAsync();
        (string image, _) = await CheckpointAndEndAsync(shim, volume: true);
        HarnessPod pod = await RestoreUpToAsync(shim, image);
        RpcException error = await Assert.ThrowsAsync<RpcException>(() => pod.StartAsync(pod.IdOf("b")));
        Assert.Contains(
            "inconsistent private memory files on restore: the image does not fit these containers, or several of them "
            + "share a volume on disk, which gVisor before release-20260803.0 cannot restore", error.Status.Detail,
                StringComparison.Ordinal);
        foreach (string id in (string[])[pod.IdOf("b"), pod.IdOf("a"), pod.Sandbox])
        {
            Assert.Equal(128u, (await shim.Tasks.WaitAsync(new WaitRequest { Id = id })).ExitStatus);
            Assert.Equal(128u, await pod.DeleteAsync(id));
        }
        Assert.Empty(Directory.GetFileSystemEntries(pod.VolumePath));
        shim.AssertNothingLeft();
    }

    [Fact]
    public async Task A_container_with_a_volume_on_disk_is_restored_in_a_pod_of_another_uid()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        HarnessPod first = new(shim, "first", volume: true);
        await first.RunAsync("a");
        int before = await first.CountAboveAsync("a", Counter.Far);
        string image = Path.Combine(shim.Directory, "image");
        await shim.Tasks.CheckpointAsync(new CheckpointTaskRequest
        {
            Id = "first",
            Path = image,
            Options = CheckpointTests.Options(exit: true)
        });
        await first.RemoveAsync();

        HarnessPod second = new(shim, "second", volume: true);
        await second.CreateSandboxAsync(image);
        await second.StartAsync("second");
        await second.CreateAsync("a");
        await second.StartAsync(second.IdOf("a"));
        int count = await second.CountAboveAsync("a", 0);
        Assert.InRange(count, before, int.MaxValue);
        await second.CountAboveAsync("a", count, "/data/a");
        Assert.Equal([Path.Combine(second.VolumePath, ".gvisor.filestore.second+")],
            Directory.GetFileSystemEntries(second.VolumePath));
        Assert.Contains("volume=data outcome=pod-disk rule=restored", shim.Log, StringComparison.Ordinal);
        await second.RemoveAsync();
        Assert.Empty(Directory.GetFileSystemEntries(second.VolumePath));
        shim.AssertNothingLeft();
    }

    /// <summary>A pod of that image with a volume, of which only container b is still to be started.</summary>
    private static async Task<HarnessPod> RestoreUpToAsync(ShimHarness shim, string image)
    {
        HarnessPod pod = new(shim, "second", volume: true);
        await pod.CreateSandboxAsync(image);
        await pod.StartAsync(pod.Sandbox);
        await pod.CreateAsync("a");
        await pod.CreateAsync("b");
        await pod.StartAsync(pod.IdOf("a"));
        return pod;
    }
}
