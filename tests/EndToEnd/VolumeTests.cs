using System.Globalization;
using Containerd.Grpc.Cri;
using Grpc.Core;
using Testing;

namespace EndToEnd;

/// <summary>emptyDirs of pods: on the node's disk, shared by the pod's containers, in the sandbox.</summary>
public class VolumeTests(Daemons daemons) : CriTest(daemons)
{
    private const long MiB = 1 << 20;
    private static readonly string[] s_sleep = ["sleep", "1000"];

    [Theory, ContainerdVersions, VirtualMachine]
    public async Task An_emptyDir_on_disk_shared_by_two_containers(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync(new PodSettings
        {
            Annotations = Hints(("data", "share", "pod")),
            Volumes = [new EmptyDir("data")],
            FsGroup = 1234,
        });
        PodContainer writer = await pod.RunAsync(Mounting("writer", "data"));
        PodContainer reader = await pod.RunAsync(Mounting("reader", "data"));
        string directory = pod.VolumePath("data");
        string store = Path.Combine(directory, $".gvisor.filestore.{pod.Id}");

        (await writer.ExecAsync("sh", "-c", "echo hello > /data/f")).Succeeded();
        Assert.Equal("hello\n", (await reader.ExecAsync("cat", "/data/f")).Succeeded());
        (await reader.ExecAsync("sh", "-c", "echo back >> /data/f")).Succeeded();
        Assert.Equal("hello\nback\n", (await writer.ExecAsync("cat", "/data/f")).Succeeded());

        // One file holds it all, and what is written goes there and not into memory.
        Assert.Equal([store], Directory.GetFileSystemEntries(directory));
        long diskBefore = BlocksOf(store), memoryBefore = SandboxMemory(pod);
        (await writer.ExecAsync("dd", "if=/dev/zero", "of=/data/big", "bs=1M", "count=256")).Succeeded();
        long disk = BlocksOf(store) - diskBefore, memory = SandboxMemory(pod) - memoryBefore;
        Assert.InRange(disk, 256 * MiB, 272 * MiB);
        Assert.InRange(memory, long.MinValue, 32 * MiB);

        // A checkpoint of the sandbox includes what is on disk, and the pod keeps running.
        Assert.Equal($"{8 * MiB}\n", (await writer.ExecAsync("sh", "-c",
            "dd if=/dev/urandom of=/data/random bs=1M count=8; stat -c %s /data/random")).Succeeded());
        string image = Path.Combine(kubelet.Daemon.Directory, "pod-image");
        (await Command.RunAsync(Tools.Runsc, ["--root", Path.Combine(kubelet.Daemon.RunscRoot, "k8s.io"),
            "checkpoint", "--leave-running", "--image-path", image, pod.Id])).Succeeded();
        Assert.InRange(Directory.EnumerateFiles(image).Sum(static file => new FileInfo(file).Length), 8 * MiB,
            long.MaxValue);
        Directory.Delete(image, recursive: true);
        Assert.Equal("hello\nback\n", (await reader.ExecAsync("cat", "/data/f")).Succeeded());

        // The same inside as on the node: mode, owner, setgid; and on the node no file system is mounted for it.
        Assert.Equal("2777 0 1234\n", (await Command.RunAsync("stat", ["-c", "%a %u %g", directory])).Succeeded());
        foreach (PodContainer container in (PodContainer[])[writer, reader])
        {
            Assert.Equal("2777 0 1234\n", (await container.ExecAsync("stat", "-c", "%a %u %g", "/data")).Succeeded());
            Assert.Contains("none on /data type tmpfs (rw", (await container.ExecAsync("mount")).Succeeded(),
                StringComparison.Ordinal);
        }
        Assert.DoesNotContain(directory, await File.ReadAllTextAsync("/proc/self/mountinfo"), StringComparison.Ordinal);

        // It outlives a restart of a container, and not the pod.
        (await writer.ExecAsync("rm", "/data/big")).Succeeded();
        await writer.StopAsync(0);
        PodContainer again = await pod.RunAsync(Mounting("writer", "data"));
        Assert.Equal("hello\nback\n", (await again.ExecAsync("cat", "/data/f")).Succeeded());
        await pod.StopAsync();
        await Eventually.TrueAsync("the file store goes with the sandbox", () => !File.Exists(store));
        await pod.RemoveAsync();
        Assert.False(Directory.Exists(directory));
    }

    [Theory, ContainerdVersions, VirtualMachine]
    public async Task A_checkpoint_of_the_sandbox_includes_the_volume(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.MakePodAsync(new PodSettings
        {
            Annotations = Hints(("data", "share", "pod")),
            Volumes = [new EmptyDir("data")],
        });
        // A sandbox of one container, which this runsc can restore; `ctr` makes it, with the annotations of the CRI.
        Daemon daemon = kubelet.Daemon;
        string id = $"alone-{pod.Uid}", volume = pod.VolumePath("data");
        string bundle = Path.Combine(daemon.BundlesOf("default"), id);
        (await daemon.CtrAsync(daemon.Run(id,
            ["-d", "--annotation", $"{PodAnnotations.SandboxUid}={pod.Uid}",
                "--annotation", $"{PodAnnotations.Hint("data", "share")}=pod",
                "--mount", $"type=bind,src={volume},dst=/data,options=rbind:rw"],
            "sh", "-c", "echo captured > /data/f; sleep 1000"))).Succeeded();
        string image = Path.Combine(daemon.Directory, "image"), copy = Path.Combine(daemon.Directory, "copy");
        string[] runsc = ["--root", Path.Combine(daemon.Directory, "restored"), "--network=none"];
        try
        {
            await Eventually.TrueAsync("it has written", async () =>
                (await daemon.CtrAsync("tasks", "exec", "--exec-id", "look", id, "cat", "/data/f")).ExitCode == 0);
            (await Command.RunAsync(Tools.Runsc, ["--root", Path.Combine(daemon.RunscRoot, "default"),
                "checkpoint", "--leave-running", "--image-path", image, id])).Succeeded();
            (await daemon.CtrAsync("tasks", "exec", "--exec-id", "more", id, "sh", "-c", "echo later > /data/f"))
                .Succeeded();
            (await Command.RunAsync("cp", ["-a", bundle, copy])).Succeeded();
            (await daemon.CtrAsync("tasks", "kill", "-s", "KILL", id)).Succeeded();
            await Eventually.TrueAsync("it is deleted", async () =>
                (await daemon.CtrAsync("tasks", "delete", id)).Error.Contains("137", StringComparison.Ordinal));
            Assert.Empty(NamesIn(volume));
            (await Command.RunAsync("sh", ["-c", "exec \"$@\" < /dev/null > /dev/null 2>&1", "-", Tools.Runsc, .. runsc,
                "restore", "--detach", "--bundle", copy, "--image-path", image, "restored"])).Succeeded();
            Assert.Equal("captured\n",
                (await Command.RunAsync(Tools.Runsc, [.. runsc, "exec", "restored", "cat", "/data/f"])).Succeeded());
        }
        finally
        {
            await Command.RunAsync(Tools.Runsc, [.. runsc, "delete", "--force", "restored"]);
            await daemon.CtrAsync("tasks", "delete", "-f", id);
            (await daemon.CtrAsync("containers", "rm", id)).Succeeded();
        }
    }

    [Theory, ContainerdVersions]
    public async Task Each_volume_is_placed_as_the_pod_says(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.MakePodAsync(new PodSettings
        {
            Annotations = Hints(("disk", "type", "bind"), ("ram", "share", "container"), ("ram", "type", "tmpfs"),
                ("tmpfs", "share", "pod"), ("forced", "share", "pod"), ("used", "share", "pod"),
                    ("claim", "share", "pod"),
                ("claim", "type", "tmpfs")).With("dev.gvisor.empty-dir.forced.force-shared", "true"),
            Volumes =
            [
                new EmptyDir("disk"), new EmptyDir("ram"), new EmptyDir("tmpfs", Memory: true), new EmptyDir("forced"),
                new EmptyDir("used"), new EmptyDir("plain"),
            ],
        });
        // A driver's socket, a stale file store of a sandbox that is gone, and a volume that is not an emptyDir.
        await File.WriteAllTextAsync(Path.Combine(pod.VolumePath("used"), "driver"), "driver's");
        string stale = Path.Combine(pod.VolumePath("disk"), $".gvisor.filestore.{new string('a', 64)}");
        await File.WriteAllTextAsync(stale, "stale");
        // A claim's directory is a mount of something that is not the pod's.
        string disk = Directory.CreateDirectory(Path.Combine(kubelet.Daemon.Directory, "disk")).FullName;
        string claim = Directory.CreateDirectory(Path.Combine(pod.Directory,
            "volumes/kubernetes.io~local-volume/claim")).FullName;
        Linux.Mounts.Mount([new Linux.MountSpec { Type = "bind", Source = disk, Options = ["bind"] }], claim);
        await pod.RunSandboxAsync();
        Assert.False(File.Exists(stale));

        string[] names = ["disk", "ram", "tmpfs", "forced", "used", "plain"];
        ContainerSettings settings = Mounting("a", names) with { HostPaths = [new HostPathMount(claim, "/claim")] };
        PodContainer a = await pod.RunAsync(settings), b = await pod.RunAsync(settings with { Name = "b" });
        string[] all = [.. names, "claim"];
        (await a.ExecAsync("sh", "-c", string.Join(" && ", all.Select(name => $"echo {name} > /{name}/f"))))
            .Succeeded();
        // All of them are the pod's.
        foreach (string name in all)
            Assert.Equal($"{name}\n", (await b.ExecAsync("cat", $"/{name}/f")).Succeeded());

        // In the sandbox: the node does not see the file, and what holds it is on disk or in memory.
        Assert.Equal([$".gvisor.filestore.{pod.Id}"], NamesIn(pod.VolumePath("disk")));
        Assert.Empty(NamesIn(pod.VolumePath("ram")));
        Assert.Empty(NamesIn(pod.VolumePath("tmpfs")));
        Assert.Equal("driver's", (await b.ExecAsync("cat", "/used/driver")).Succeeded());
        foreach (string name in (string[])["forced", "plain"])
            Assert.Equal(["f"], NamesIn(pod.VolumePath(name)));
        Assert.Equal(["driver", "f"], NamesIn(pod.VolumePath("used")));
        await File.WriteAllTextAsync(Path.Combine(pod.VolumePath("plain"), "node"), "node's");
        Assert.Equal("node's", (await a.ExecAsync("cat", "/plain/node")).Succeeded());
        foreach (string name in (string[])["ram", "tmpfs"])
        {
            long before = SandboxMemory(pod);
            (await a.ExecAsync("dd", "if=/dev/zero", $"of=/{name}/big", "bs=1M", "count=64")).Succeeded();
            // The sandbox's own heap, some MiB, is collected when it likes.
            Assert.InRange(SandboxMemory(pod) - before, 48 * MiB, 96 * MiB);
        }

        // One line of the log for each, and `explain` says the same of the living pod.
        string[] expected =
        [
            "claim passthrough other-volume-type", "disk pod-disk shared-by-pod", "forced passthrough force-shared",
            "plain passthrough not-asked", "ram container-memory shared-by-container", "tmpfs pod-memory shared-by-pod",
            "used passthrough used-by-others",
        ];
        string log = await File.ReadAllTextAsync(kubelet.Daemon.LogFile);
        string explained = (await Command.RunAsync(Tools.Shim, ["explain", "--bundle", pod.Bundle])).Succeeded();
        foreach (string[] row in expected.Select(static line => line.Split(' ')))
        {
            Assert.Contains($"volume={row[0]} outcome={row[1]} rule={row[2]} ",
                log.Split('\n').Single(line => line.Contains(pod.Uid, StringComparison.Ordinal)
                    && line.Contains($"volume={row[0]} ", StringComparison.Ordinal)), StringComparison.Ordinal);
            Assert.Contains(explained.Split('\n'),
                line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [string name, string outcome,
                    string rule, ..]
                    && name == row[0] && outcome == row[1] && rule == row[2]);
        }

        await pod.StopAsync();
        await pod.RemoveAsync();
        // The claim's data stays when the pod is gone.
        Assert.Equal("claim\n", await File.ReadAllTextAsync(Path.Combine(disk, "f")));
        Directory.Delete(disk, recursive: true);
    }

    [Theory, ContainerdVersions]
    public async Task A_volume_can_be_mounted_twice_read_only_and_through_a_link(string version)
    {
        Kubelet kubelet = await OwnKubeletAsync(version, "empty_dir = \"pod\"");
        // Every emptyDir of the node, with no annotation; and kubelet's root is a link on the way to it.
        string real = kubelet.Root + "-real";
        Directory.CreateDirectory(real);
        Directory.CreateSymbolicLink(kubelet.Root, real);
        Pod pod = await kubelet.RunPodAsync(new PodSettings { Volumes = [new EmptyDir("data")] });
        PodContainer writer = await pod.RunAsync(Mounting("writer", "data"));
        PodContainer reader = await pod.RunAsync(new ContainerSettings("reader", s_sleep)
        {
            Volumes = [new VolumeMount("data", "/data", ReadOnly: true), new VolumeMount("data", "/also")],
        });
        (await writer.ExecAsync("sh", "-c", "echo one > /data/f")).Succeeded();
        Assert.Equal("one\n", (await reader.ExecAsync("cat", "/data/f")).Succeeded());
        Assert.Contains("Read-only file system", (await reader.ExecAsync("sh", "-c", "echo no > /data/f")).Failed(),
            StringComparison.Ordinal);
        (await reader.ExecAsync("sh", "-c", "echo two >> /also/f")).Succeeded();
        Assert.Equal("one\ntwo\n", (await writer.ExecAsync("cat", "/data/f")).Succeeded());
        Assert.Equal([$".gvisor.filestore.{pod.Id}"], NamesIn(pod.VolumePath("data")));

        // A subPath of it would be a directory of the node, another place.
        RpcException refused = await Assert.ThrowsAsync<RpcException>(() =>
            pod.RunAsync(new ContainerSettings("part", s_sleep)
            {
                Volumes = [new VolumeMount("data", "/data", SubPath: "sub")],
            }));
        Assert.Contains("mount /data is a subPath of volume data, which is in the sandbox", refused.Status.Detail,
            StringComparison.Ordinal);
    }

    [Theory, ContainerdVersions]
    public async Task Hints_that_cannot_be_followed_fail_the_pod_with_the_reason(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        foreach ((Dictionary<string, string> annotations, string words) in ((Dictionary<string, string>, string)[])
        [
            (Hints(("data", "share", "everybody")),
                "annotation dev.gvisor.spec.mount.data.share=\"everybody\" must be pod or container or shared"),
            (Hints(("data.x", "share", "pod")), "a volume's name has no dot"),
            (Hints(("other", "share", "pod")), "has no such volume"),
            (Hints().With("dev.gvisor.empty-dir.data.medium", "disk"), "something else uses"),
        ])
        {
            Pod pod = await kubelet.MakePodAsync(new PodSettings
            {
                Annotations = annotations,
                Volumes = [new EmptyDir("data")]
            });
            await File.WriteAllTextAsync(Path.Combine(pod.VolumePath("data"), "driver"), "");
            RpcException error = await Assert.ThrowsAsync<RpcException>(() => pod.RunSandboxAsync());
            Assert.Contains(words, error.Status.Detail, StringComparison.Ordinal);
            await pod.RemoveAsync();
        }
        Assert.Empty(Processes.Shims(kubelet.Daemon));
    }

    [Theory, ContainerdVersions]
    public async Task With_overlays_everywhere_two_containers_share_an_emptyDir_only_with_a_hint(string version)
    {
        Kubelet kubelet = await OwnKubeletAsync(version, runscLines: "overlay2 = \"all:self\"");
        Pod pod = await kubelet.RunPodAsync(new PodSettings
        {
            Annotations = Hints(("shared", "share", "pod")),
            Volumes = [new EmptyDir("plain"), new EmptyDir("shared")],
        });
        PodContainer first = await pod.RunAsync(Mounting("first", "plain", "shared"));
        // With a hint nothing changes.
        PodContainer hinted = await pod.RunAsync(Mounting("hinted", "shared"));
        (await first.ExecAsync("sh", "-c", "echo hello > /shared/f")).Succeeded();
        Assert.Equal("hello\n", (await hinted.ExecAsync("cat", "/shared/f")).Succeeded());
        // Without one runsc makes an overlay whose upper file it finds taken by the first container.
        RpcException error = await Assert.ThrowsAsync<RpcException>(() => pod.RunAsync(Mounting("second", "plain")));
        Assert.Contains("mount source already has a filestore file at", error.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(ContainerState.ContainerRunning, (await first.StatusAsync()).State);
    }

    private static ContainerSettings Mounting(string name, params string[] volumes) =>
        new(name, s_sleep) { Volumes = [.. volumes.Select(static volume => new VolumeMount(volume, $"/{volume}"))] };

    private static Dictionary<string, string> Hints(params (string Volume, string Field, string Value)[] hints) =>
        hints.ToDictionary(static hint => $"dev.gvisor.spec.mount.{hint.Volume}.{hint.Field}",
            static hint => hint.Value);

    private static string[] NamesIn(string directory) =>
        [.. Directory.EnumerateFileSystemEntries(directory).Select(static path => Path.GetFileName(path)!)
            .Order(StringComparer.Ordinal)];

    /// <summary>The bytes that a file takes on disk.</summary>
    private static long BlocksOf(string file)
    {
        CommandResult result = Command.RunAsync("stat", ["-L", "-c", "%b", file]).GetAwaiter().GetResult();
        return 512 * long.Parse(result.Succeeded(), CultureInfo.InvariantCulture);
    }

    /// <summary>
    /// The memory that is the sandbox's own: of its process, and of the files in memory that back its guests.
    /// </summary>
    private static long SandboxMemory(Pod pod)
    {
        long bytes = 1024 * long.Parse(File.ReadLines($"/proc/{pod.SandboxPid}/status")
            .Single(static line => line.StartsWith("RssAnon:", StringComparison.Ordinal)).Split(' ',
                StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture);
        foreach (string descriptor in Directory.EnumerateFileSystemEntries($"/proc/{pod.SandboxPid}/fd"))
            if (new FileInfo(descriptor).LinkTarget?.StartsWith("/memfd:", StringComparison.Ordinal) == true)
                bytes += BlocksOf(descriptor);
        return bytes;
    }
}

file static class DictionaryExtensions
{
    /// <summary>The same with one more entry.</summary>
    public static Dictionary<string, string> With(
        this Dictionary<string, string> dictionary, string key, string value) =>
        new(dictionary) { [key] = value };
}
