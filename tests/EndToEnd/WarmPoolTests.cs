using Containerd.Grpc.Cri;
using Linux;
using Testing;

namespace EndToEnd;

/// <summary>
/// Pods that run before it is known what they work on: it is mounted on the node later, on a directory inside of a
/// volume that is passed through, and appears in the container.
/// </summary>
public sealed class WarmPoolTests(Daemons daemons) : CriTest(daemons)
{
    private readonly string _images = Directory.CreateTempSubdirectory("shim-images-").FullName;

    [Fact]
    public async Task A_mount_that_comes_late_on_a_directory_of_a_volume_is_seen()
    {
        Kubelet kubelet = await OwnKubeletAsync(Tools.NewestContainerd, $"restore_root = \"{_images}\"");
        try
        {
            Directory.CreateDirectory(kubelet.Root);
            // HostToContainer needs a source in a mount that is shared, as a node's root is with systemd.
            (await Command.RunAsync("mount", ["--bind", kubelet.Root, kubelet.Root])).Succeeded();
            (await Command.RunAsync("mount", ["--make-shared", kubelet.Root])).Succeeded();
            Pod first = await kubelet.RunPodAsync(With("note"));
            PodContainer container = await first.RunAsync(Waiting());
            await AssertLateMountIsSeenAsync(first, container, "early");
            string image = Path.Combine(_images, "first");
            await ShimService.CheckpointAsync(first, image);
            await first.RemoveAsync();

            Pod second = await kubelet.RunPodAsync(With(PodAnnotations.RestoreImage, image));
            PodContainer restored = await second.RunAsync(Waiting());
            await AssertLateMountIsSeenAsync(second, restored, "late");
            await second.RemoveAsync();
        }
        finally
        {
            Linux.Mounts.UnmountAll(kubelet.Root);
        }
    }

    protected override void CleanUp() => Directory.Delete(_images, recursive: true);

    private static PodSettings With(string annotation, string value = "") => new()
    {
        Annotations = new Dictionary<string, string> { [annotation] = value },
        Volumes = [new EmptyDir("data")],
    };

    private static ContainerSettings Waiting() => new("app", "sleep", "1000")
    {
        Volumes = [new VolumeMount("data", "/data", Propagation: MountPropagation.PropagationHostToContainer)],
    };

    private static async Task AssertLateMountIsSeenAsync(Pod pod, PodContainer container, string name)
    {
        string directory = Directory.CreateDirectory(Path.Combine(pod.VolumePath("data"), name)).FullName;
        // The container has seen the empty directory before.
        Assert.Equal("", (await container.ExecAsync("ls", $"/data/{name}")).Succeeded());
        Linux.Mounts.Mount([new MountSpec { Type = "tmpfs", Source = "tmpfs" }], directory);
        File.WriteAllText(Path.Combine(directory, "file"), name);
        Assert.Equal(name, (await container.ExecAsync("cat", $"/data/{name}/file")).Succeeded());
        (await container.ExecAsync("sh", "-c", $"echo more > /data/{name}/more")).Succeeded();
        Assert.Equal("more\n", await File.ReadAllTextAsync(Path.Combine(directory, "more")));
    }
}
