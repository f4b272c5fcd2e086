using Containerd.Api.Tasks;
using Containerd.Api.Types;
using Grpc.Core;
using Linux;
using Testing;
using Task = System.Threading.Tasks.Task;

namespace EndToEnd;

/// <summary>Root file systems other than overlays: whatever is set up for them is gone when the container is.</summary>
public sealed class RootFileSystemTests
{
    private const string Says = "says";

    [Fact, VirtualMachine]
    public async Task An_ext4_image_is_mounted_by_a_loop_device()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        string image = Path.Combine(shim.Directory, "image");
        await File.WriteAllBytesAsync(image, new byte[16 << 20]);
        (await Command.RunAsync("mkfs.ext4", ["-q", "-d", WriteTree(shim), image])).Succeeded();
        await RunAsync(shim, new Mount { Type = "ext4", Source = image, Options = { "loop", "rw" } });
        await Eventually.TrueAsync("the loop device is free", () => LoopDevices.Of(image).Count == 0);
    }

    [Fact]
    public async Task An_EROFS_image_is_mounted_by_a_loop_device()
    {
        Requires.Tool("mkfs.erofs", Path.Combine(Tools.Directory, "filesystems/usr/bin/mkfs.erofs"));
        await using ShimHarness shim = await ShimHarness.StartAsync();
        string image = Path.Combine(shim.Directory, "image");
        (await Command.RunAsync(Path.Combine(Tools.Directory, "filesystems/usr/bin/mkfs.erofs"),
            [image, WriteTree(shim)],
            environment: new Dictionary<string, string> { ["LD_LIBRARY_PATH"] = Tools.LibraryPath })).Succeeded();
        await RunAsync(shim, new Mount { Type = "erofs", Source = image, Options = { "ro", "loop" } });
        await Eventually.TrueAsync("the loop device is free", () => LoopDevices.Of(image).Count == 0);
    }

    [Fact]
    public async Task A_file_system_of_fuse_is_mounted_by_its_helper()
    {
        Requires.Tool("fuse-overlayfs", Path.Combine(Tools.Directory, "filesystems/usr/bin/fuse-overlayfs"));
        await using ShimHarness shim = await ShimHarness.StartAsync();
        string upper = Directory.CreateDirectory(Path.Combine(shim.Directory, "upper")).FullName;
        string work = Directory.CreateDirectory(Path.Combine(shim.Directory, "work")).FullName;
        await RunAsync(shim, new Mount
        {
            Type = "fuse3.fuse-overlayfs",
            Source = "overlay",
            Options = { $"lowerdir={WriteTree(shim)}", $"upperdir={upper}", $"workdir={work}" },
        });
        await Eventually.TrueAsync("its program has ended", () => !Processes.Mentioning(shim.Directory).Any(
            static pid => Processes.CommandLine(pid).StartsWith("fuse-overlayfs", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("fuse3.no-such-program", "overlay", "ro",
        "mount.fuse3 fuse3.no-such-program overlay on BUNDLE/rootfs: exit status")]
    [InlineData("format/mkdir/overlay", "overlay", "ro", "mount format/mkdir/overlay: only containerd's mount manager")]
    [InlineData("ext4", "/no/such/file", "loop", "open /no/such/file: No such file or directory")]
    [InlineData("bind", "/", "uidmap=0:100000:65536", "mount option uidmap=0:100000:65536: uidmap and gidmap must")]
    public async Task A_mount_that_is_not_possible_is_named(string type, string source, string option, string error)
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => CreateAsync(shim,
            new Mount { Type = type, Source = source, Options = { option } }));
        Assert.StartsWith(error.Replace("BUNDLE", shim.Bundle, StringComparison.Ordinal), e.Status.Detail,
            StringComparison.Ordinal);
        Assert.False(Mounts.IsMountPoint($"{shim.Bundle}/rootfs"));
    }

    private static async Task RunAsync(ShimHarness shim, Mount mount)
    {
        string output = Path.Combine(shim.Directory, "output");
        // Where it can write, runsc puts its own file for what the container writes.
        shim.WriteBundle("c", ["cat", "/file"],
            spec => spec["root"]!["readonly"] = mount.Options.Contains("ro"));
        Directory.Delete($"{shim.Bundle}/rootfs", recursive: true);
        Directory.CreateDirectory($"{shim.Bundle}/rootfs");
        await CreateAsync(shim, mount, $"file://{output}");
        await shim.Tasks.StartAsync(new StartRequest { Id = "c" });
        Assert.Equal(0u, (await shim.Tasks.WaitAsync(new WaitRequest { Id = "c" })).ExitStatus);
        await shim.Tasks.DeleteAsync(new DeleteRequest { Id = "c" });
        Assert.Equal(Says, await File.ReadAllTextAsync(output));
        Assert.False(Mounts.IsMountPoint($"{shim.Bundle}/rootfs"));
    }

    private static async Task CreateAsync(ShimHarness shim, Mount mount, string stdout = "") =>
        await shim.Tasks.CreateAsync(new CreateTaskRequest
        {
            Id = "c",
            Bundle = shim.Bundle,
            Rootfs = { mount },
            Stdout = stdout,
            Options = shim.Options,
        });

    /// <summary>busybox with a file.</summary>
    private static string WriteTree(ShimHarness shim)
    {
        BusyboxBundle.Write(Path.Combine(shim.Directory, "tree"), ["true"]);
        string tree = Path.Combine(shim.Directory, "tree/rootfs");
        File.WriteAllText(Path.Combine(tree, "file"), Says);
        return tree;
    }
}
