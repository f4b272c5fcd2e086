using Linux;
using Shim.Tests.Support;
using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>Reading real directories; as root, if something is mounted or owned by others.</summary>
public sealed class PodVolumesReaderTests : IDisposable
{
    private readonly KubeletDirectory _kubelet = new();

    public void Dispose() => _kubelet.Dispose();

    [Fact]
    public void Volumes_are_read_and_only_emptyDirs_are_opened()
    {
        _kubelet.AddEmptyDir("data");
        _kubelet.AddEmptyDir("cache", "file");
        _kubelet.AddOther("claim");
        _kubelet.AddOther("token", "kubernetes.io~projected");
        Directory.CreateDirectory($"{_kubelet.Pods}/other/volumes/{PodVolume.EmptyDirPlugin}/theirs");
        File.WriteAllText($"{_kubelet.Pod}/etc-hosts", "");

        PodVolumes pod = PodVolumesReader.Read(_kubelet.Root + "/", ExamplePod.Uid);
        Assert.Equal((ExamplePod.Uid, _kubelet.Pod, _kubelet.Pod, _kubelet.Volumes),
            (pod.PodUid, pod.Directory, pod.ResolvedDirectory, pod.VolumesDirectory));
        Assert.Equal(
            [
                $"cache {_kubelet.EmptyDirs}/cache opened",
                $"claim {_kubelet.Volumes}/kubernetes.io~csi/claim not opened",
                $"data {_kubelet.EmptyDirs}/data opened",
                $"token {_kubelet.Volumes}/kubernetes.io~projected/token not opened",
            ],
            pod.Volumes.Select(static volume =>
                $"{volume.Name} {volume.Path} {(volume.Directory is null ? "not opened" : "opened")}"));
        Assert.Equal(["cache", "data"],
            pod.Volumes.Where(static volume => volume.IsEmptyDir).Select(static volume => volume.Name));
    }

    [Fact]
    public void A_pod_without_a_directory_has_no_volumes()
    {
        AssertEmpty(PodVolumesReader.Read(_kubelet["nothing"], ExamplePod.Uid), _kubelet["nothing"]);
        Directory.Delete(_kubelet.EmptyDirs);
        AssertEmpty(_kubelet.Read(), _kubelet.Root);
        Directory.Delete(_kubelet.Volumes);
        AssertEmpty(_kubelet.Read(), _kubelet.Root);
        Directory.Delete(_kubelet.Pod);
        AssertEmpty(_kubelet.Read(), _kubelet.Root);

        static void AssertEmpty(PodVolumes pod, string root)
        {
            Assert.Empty(pod.Volumes);
            Assert.Equal(Directory.Exists(pod.VolumesDirectory), pod.Exists);
            Assert.Equal($"{root}/pods/{ExamplePod.Uid}", pod.Directory);
            Assert.Equal(pod.Directory, pod.ResolvedDirectory);
        }
    }

    [Fact]
    public void Links_of_the_administrator_are_followed()
    {
        _kubelet.AddEmptyDir("data", "file");
        Directory.Move(_kubelet.Pods, _kubelet["elsewhere"]);
        Directory.CreateSymbolicLink(_kubelet.Pods, _kubelet["elsewhere"]);
        Directory.CreateSymbolicLink(_kubelet["link"], _kubelet.Root);
        PodVolumes pod = PodVolumesReader.Read(_kubelet["link"], ExamplePod.Uid);
        Assert.Equal((_kubelet["link/pods/" + ExamplePod.Uid], _kubelet["elsewhere/" + ExamplePod.Uid]),
            (pod.Directory, pod.ResolvedDirectory));
        PodVolume volume = Assert.Single(pod.Volumes);
        Assert.Equal($"{pod.Directory}/volumes/{PodVolume.EmptyDirPlugin}/data", volume.Path);
        Assert.NotNull(volume.Directory?.OtherUse);
    }

    // A FIFO because an open that waits for a writer would never end.
    [Theory]
    [InlineData("pod", "link to a directory")]
    [InlineData("pod", "file")]
    [InlineData("pod", "fifo")]
    [InlineData("volumes", "link to a directory")]
    [InlineData("volumes", "file")]
    [InlineData("volumes", "fifo")]
    public void A_pod_s_directory_that_is_something_else_is_an_error(string what, string kind)
    {
        ReplaceDirectory(what, kind);
        Assert.Contains("ENOTDIR", Assert.Throws<VolumeException>(_kubelet.Read).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plugin", "link to a directory")]
    [InlineData("plugin", "file")]
    [InlineData("plugin", "fifo")]
    [InlineData("volume", "link to a directory")]
    [InlineData("volume", "file")]
    [InlineData("volume", "fifo")]
    public void A_volume_s_directory_that_is_something_else_is_not_a_volume(string what, string kind)
    {
        ReplaceDirectory(what, kind);
        Assert.Empty(_kubelet.Read().Volumes);
    }

    [Fact]
    public void A_kubelet_root_that_is_a_file_is_an_error()
    {
        var e = Assert.Throws<VolumeException>(() =>
        {
            File.WriteAllText(_kubelet["file"], "");
            PodVolumesReader.Read(_kubelet["file"], ExamplePod.Uid);
        });
        Assert.Contains(_kubelet["file"], e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("file", "file")]
    [InlineData(".hidden", "file")]
    [InlineData("odd\n\"name\"", "file")]
    [InlineData(".gvisor.filestore", "file")]
    [InlineData("x.gvisor.filestore.abc", "file")]
    [InlineData("directory", "directory")]
    [InlineData("fifo", "fifo")]
    [InlineData("dangling", "link")]
    [InlineData(".gvisor.filestore.abc", "directory")]
    [InlineData(".gvisor.filestore.abc", "fifo")]
    [InlineData(".gvisor.filestore.abc", "link")]
    public void Anything_but_a_file_store_means_that_something_else_uses_the_directory(string name, string kind)
    {
        string volume = _kubelet.AddEmptyDir("data", ".gvisor.filestore.one");
        Add($"{volume}/{name}", kind);
        EmptyDirectory directory = _kubelet.ReadEmptyDir("data");
        Assert.Equal($"it holds \"{name}\"", directory.OtherUse);
        Assert.Equal([".gvisor.filestore.one"], directory.FileStores);
    }

    [Fact]
    public void Nothing_else_uses_a_directory_that_is_empty_or_has_only_file_stores()
    {
        _kubelet.AddEmptyDir("data");
        _kubelet.AddEmptyDir("logs", ".gvisor.filestore.", ".gvisor.filestore.abc+", ".gvisor.filestore.abc");
        Assert.Null(_kubelet.ReadEmptyDir("data").OtherUse);
        Assert.Empty(_kubelet.ReadEmptyDir("data").FileStores);
        Assert.Null(_kubelet.ReadEmptyDir("logs").OtherUse);
        Assert.Equal([".gvisor.filestore.", ".gvisor.filestore.abc", ".gvisor.filestore.abc+"],
            _kubelet.ReadEmptyDir("logs").FileStores.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_directory_may_have_more_entries_than_the_kernel_lists_at_once()
    {
        string[] stores = [.. Enumerable.Range(0, 300).Select(static i => $".gvisor.filestore.{i:d200}")];
        _kubelet.AddEmptyDir("data", stores);
        for (int i = 0; i < 300; i++)
            _kubelet.AddEmptyDir($"volume{i:d3}");
        Assert.Equal(stores, _kubelet.ReadEmptyDir("data").FileStores.Order(StringComparer.Ordinal));
        Assert.Equal(301, _kubelet.Read().Volumes.Count(static volume => volume.Directory is not null));
    }

    [Fact]
    public void Something_else_uses_a_directory_that_cannot_be_read()
    {
        Requires.Root("acting as another user");
        File.SetUnixFileMode(_kubelet.AddEmptyDir("data"), (UnixFileMode)0b111_000_000);
        EmptyDirectory? directory = null;
        _kubelet.AsNobody(() => directory = _kubelet.ReadEmptyDir("data"));
        Assert.StartsWith("it cannot be read (", directory!.OtherUse, StringComparison.Ordinal);
        Assert.Contains("EACCES", directory.OtherUse, StringComparison.Ordinal);
        Assert.Null(_kubelet.ReadEmptyDir("data").OtherUse);
    }

    [Fact]
    public void A_plugin_s_directory_that_cannot_be_read_is_an_error()
    {
        Requires.Root("acting as another user");
        string closed = _kubelet.AddOther("claim");
        File.SetUnixFileMode(Path.GetDirectoryName(closed)!, (UnixFileMode)0b111_000_000);
        _kubelet.AsNobody(() =>
        {
            var e = Assert.Throws<VolumeException>(_kubelet.Read);
            Assert.Contains($"pod {ExamplePod.Uid}", e.Message, StringComparison.Ordinal);
            Assert.Contains("EACCES", e.Message, StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData(0b000_111_111_111)]
    [InlineData(0b010_111_111_111)]
    [InlineData(0b001_111_111_111)]
    [InlineData(0b111_111_101_000)]
    [InlineData(0)]
    public void The_mode_of_an_emptyDir_is_read(int mode)
    {
        Requires.Root("reading a directory of any mode");
        File.SetUnixFileMode(_kubelet.AddEmptyDir("data"), (UnixFileMode)mode);
        Assert.Equal((uint)mode, _kubelet.ReadEmptyDir("data").Mode);
    }

    [Fact]
    public void The_medium_and_the_owner_of_an_emptyDir_are_read()
    {
        Requires.Root("giving files away");
        string data = _kubelet.AddEmptyDir("data");
        Assert.Equal(new DriveInfo(data).DriveFormat is "tmpfs" ? VolumeMedium.Memory : VolumeMedium.Disk,
            _kubelet.ReadEmptyDir("data").Medium);
        _kubelet.Mount(data, new MountSpec
        {
            Type = "tmpfs",
            Source = "tmpfs",
            Options = ["mode=2770", "uid=1000", "gid=2000", "size=1m"],
        });
        EmptyDirectory directory = _kubelet.ReadEmptyDir("data");
        Assert.Equal((VolumeMedium.Memory, 0b010_111_111_000u, 1000u, 2000u, 1ul << 20),
            (directory.Medium, directory.Mode, directory.Uid, directory.Gid, directory.Size));
        Assert.Null(directory.OtherUse);
    }

    [Fact]
    public void Names_that_Kubernetes_does_not_allow_are_read()
    {
        _kubelet.AddEmptyDir("odd.name");
        _kubelet.AddEmptyDir("a b\n");
        KubeletDirectory.AddDirectoryWithInvalidName(_kubelet.EmptyDirs);
        KubeletDirectory.AddDirectoryWithInvalidName(_kubelet.AddEmptyDir("data"));
        // The invalid name is decoded to another volume's name, which must not be opened instead.
        File.WriteAllText($"{_kubelet.AddOther("a\ufffd", "z")}/file", "");
        PodVolumes pod = _kubelet.Read();
        Assert.Equal(["a b\n", "a\ufffd", "a\ufffd", "data", "odd.name"],
            pod.Volumes.Select(static volume => volume.Name));
        Assert.All(pod.Volumes, static volume =>
            Assert.Equal(volume.Name == "a\ufffd", volume.Directory is null));
        Assert.Equal("it holds \"a\ufffd\"", _kubelet.ReadEmptyDir("data").OtherUse);
    }

    [Fact]
    public void No_descriptor_stays_open()
    {
        _kubelet.AddEmptyDir("data", ".gvisor.filestore.abc", "file");
        OpenDescriptors.AssertNoneLeftBy(() => _kubelet.Read());
        string path = PathOf("volumes");
        Directory.Delete(path, recursive: true);
        File.WriteAllText(path, "");
        OpenDescriptors.AssertNoneLeftBy(() => Assert.Throws<VolumeException>(_kubelet.Read));
    }

    private string PathOf(string what)
    {
        string volume = _kubelet.AddEmptyDir("data");
        return what switch
        {
            "pod" => _kubelet.Pod,
            "volumes" => _kubelet.Volumes,
            "plugin" => _kubelet.EmptyDirs,
            _ => volume,
        };
    }

    private void ReplaceDirectory(string what, string kind)
    {
        string path = PathOf(what);
        Directory.Move(path, _kubelet["elsewhere"]);
        if (kind == "link to a directory")
            Directory.CreateSymbolicLink(path, _kubelet["elsewhere"]);
        else
            Add(path, kind);
    }

    private static void Add(string path, string kind)
    {
        switch (kind)
        {
            case "directory":
                Directory.CreateDirectory(path);
                break;
            case "fifo":
                NativeCalls.CreateFifo(path);
                break;
            case "link":
                File.CreateSymbolicLink(path, "/nowhere");
                break;
            default:
                File.WriteAllText(path, "");
                break;
        }
    }
}
