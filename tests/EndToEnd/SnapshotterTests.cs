using Testing;

namespace EndToEnd;

/// <summary>Root file systems as containerd's snapshotters give them.</summary>
public sealed class SnapshotterTests
{
    private const string Mapping = "0:100000:65536";

    /// <summary>Its snapshots are images of file systems.</summary>
    [Fact]
    public async Task The_blockfile_snapshotter()
    {
        await using Daemon daemon = await Daemon.StartAsync(Tools.NewestContainerd, containerdLines: """
            [plugins.'io.containerd.snapshotter.v1.blockfile']
              root_path = "DIR/blockfile"
              scratch_file = "/dev/null"
              fs_type = "ext4"
            """);
        // containerd does not make the empty one of which the others are copies.
        string scratch = Path.Combine(daemon.Directory, "blockfile/scratch");
        await File.WriteAllBytesAsync(scratch, new byte[32 << 20]);
        (await Command.RunAsync("mkfs.ext4", ["-q", scratch])).Succeeded();
        await AssertRunsAsync(daemon, daemon.Run("block", ["--rm", "--snapshotter", "blockfile"],
            "stat", "-c", "%u", "/bin/busybox"), "0");
    }

    /// <summary>The overlay's layers are mounted with other ids; gVisor itself shows its own.</summary>
    [Fact]
    public async Task Layers_with_other_ids()
    {
        // ctr accepts no options of gVisor's here, so the flags of this place are the program's that it finds.
        DirectoryInfo path = Directory.CreateTempSubdirectory("shim-runsc-");
        try
        {
            string runsc = Path.Combine(path.FullName, "runsc");
            await File.WriteAllTextAsync(runsc, $"#!/bin/sh\nexec {Tools.Runsc} -network=none \"$@\"\n");
            File.SetUnixFileMode(runsc, (UnixFileMode)0b111_101_101);
            await using Daemon daemon = await Daemon.StartAsync(Tools.NewestContainerd, path: path.FullName);
            // The sandbox is another user, who must find its root file system.
            File.SetUnixFileMode(daemon.Directory, (UnixFileMode)0b111_001_001);
            await AssertRunsAsync(daemon, ["run", "--runtime", "io.containerd.runsc.v1", "--rm", "--uidmap", Mapping,
                "--gidmap", Mapping, "--remap-labels", Tools.ImageName, "mapped", "stat", "-c", "%u", "/bin/busybox"],
                "0");
        }
        finally
        {
            path.Delete(recursive: true);
        }
    }

    private static async Task AssertRunsAsync(Daemon daemon, string[] run, string output)
    {
        Assert.Equal(output, (await daemon.CtrAsync(run)).Succeeded().Trim());
        Assert.DoesNotContain(File.ReadLines("/proc/self/mountinfo"),
            line => line.Contains(daemon.BundlesOf("default"), StringComparison.Ordinal));
    }
}
