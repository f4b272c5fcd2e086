using Linux;
using Shim.Tests.Support;
using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>On real directories; where something is mounted or owned by others, as root.</summary>
public sealed class PodVolumesReaderTests : IDisposable
{
    private readonly KubeletDirectory _kubelet = new();

    public void Dispose() => _kubelet.Dispose();

    [Fact]
    public void A_pod_s_volumes()
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
                $"cache {_kubelet.EmptyDirs}/cache looked into",
                $"claim {_kubelet.Volumes}/kubernetes.io~csi/claim left alone",
                $"data {_kubelet.EmptyDirs}/data looked into",
                $"token {_kubelet.Volumes}/kubernetes.io~projected/token left alone",
            ],
            pod.Volumes.Select(static volume =>
                $"{volume.Name} {volume.Path} {(volume.Directory is null ? "left alone" : "looked into")}"));
        Assert.Equal(["cache", "data"],
            pod.Volumes.Where(static volume => volume.IsEmptyDir).Select(static volume => volume.Name));
    }

    [Fact]
    public void A_pod_without_a_directory_has_none()
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
    public void The_administrator_s_links_are_followed()
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

    [Theory]
    [InlineData("pod", true)]
    [InlineData("volumes", true)]
    [InlineData("plugin", false)]
    [InlineData("volume", false)]
    public void Links_below_are_not(string what, bool isRefused)
    {
        string path = PathOf(what);
        Directory.Move(path, _kubelet["elsewhere"]);
        Directory.CreateSymbolicLink(path, _kubelet["elsewhere"]);
        AssertNotRead(isRefused);
    }

    [Theory]
    [InlineData("pod", true)]
    [InlineData("volumes", true)]
    [InlineData("plugin", false)]
    [InlineData("volume", false)]
    public void What_is_no_directory_is_not_read(string what, bool isRefused)
    {
        string path = PathOf(what);
        Directory.Delete(path, recursive: true);
        File.WriteAllText(path, "");
        AssertNotRead(isRefused);
        File.Delete(path);
        // An open of one that waited for a writer would never end.
        NativeCalls.CreateFifo(path);
        AssertNotRead(isRefused);
    }

    [Fact]
    public void Nor_is_one_that_is_a_file_where_pods_are()
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
    public void Whatever_is_no_file_store_is_somebody_else_s(string name, string kind)
    {
        string volume = _kubelet.AddEmptyDir("data", ".gvisor.filestore.one");
        Add($"{volume}/{name}", kind);
        EmptyDirectory directory = _kubelet.ReadEmptyDir("data");
        Assert.Equal($"it holds \"{name}\"", directory.OtherUse);
        Assert.Equal([".gvisor.filestore.one"], directory.FileStores);
    }

    [Fact]
    public void An_empty_directory_and_file_stores_are_nobody_else_s()
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
    public void More_entries_than_the_kernel_tells_at_once()
    {
        string[] stores = [.. Enumerable.Range(0, 300).Select(static i => $".gvisor.filestore.{i:d200}")];
        _kubelet.AddEmptyDir("data", stores);
        for (int i = 0; i < 300; i++)
            _kubelet.AddEmptyDir($"volume{i:d3}");
        Assert.Equal(stores, _kubelet.ReadEmptyDir("data").FileStores.Order(StringComparer.Ordinal));
        Assert.Equal(301, _kubelet.Read().Volumes.Count(static volume => volume.Directory is not null));
    }

    [Fact]
    public void A_directory_that_cannot_be_read_is_somebody_else_s()
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
    public void Its_permissions(int mode)
    {
        File.SetUnixFileMode(_kubelet.AddEmptyDir("data"), (UnixFileMode)mode);
        Requires.Root("reading a directory of any mode");
        Assert.Equal((uint)mode, _kubelet.ReadEmptyDir("data").Mode);
    }

    [Fact]
    public void Its_medium_and_its_owner()
    {
        Requires.Root("giving files away");
        string data = _kubelet.AddEmptyDir("data");
        Assert.Equal(new DriveInfo(data).DriveFormat is "tmpfs" ? VolumeMedium.Memory : VolumeMedium.Disk,
            _kubelet.ReadEmptyDir("data").Medium);
        _kubelet.Mount(data, new MountSpec
        {
            Type = "tmpfs", Source = "tmpfs", Options = ["mode=2770", "uid=1000", "gid=2000", "size=1m"],
        });
        EmptyDirectory directory = _kubelet.ReadEmptyDir("data");
        Assert.Equal((VolumeMedium.Memory, 0b010_111_111_000u, 1000u, 2000u),
            (directory.Medium, directory.Mode, directory.Uid, directory.Gid));
        Assert.Null(directory.OtherUse);
    }

    [Fact]
    public void Names_that_Kubernetes_does_not_give()
    {
        _kubelet.AddEmptyDir("odd.name");
        _kubelet.AddEmptyDir("a b\n");
        KubeletDirectory.AddDirectoryOfNoText(_kubelet.EmptyDirs);
        KubeletDirectory.AddDirectoryOfNoText(_kubelet.AddEmptyDir("data"));
        // Another plugin's directory of the name that the odd bytes turn into is not looked into instead.
        File.WriteAllText($"{_kubelet.AddOther("a\ufffd", "z")}/file", "");
        PodVolumes pod = _kubelet.Read();
        Assert.Equal(["a b\n", "a\ufffd", "a\ufffd", "data", "odd.name"], pod.Volumes.Select(static volume => volume.Name));
        Assert.All(pod.Volumes, static volume =>
            Assert.Equal(volume.Name == "a\ufffd", volume.Directory is null));
        Assert.Equal("it holds \"a\ufffd\"", _kubelet.ReadEmptyDir("data").OtherUse);
    }

    [Fact]
    public void Nothing_stays_open()
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

    private void AssertNotRead(bool isRefused)
    {
        if (!isRefused)
            Assert.Empty(_kubelet.Read().Volumes);
        else
            Assert.Contains("ENOTDIR", Assert.Throws<VolumeException>(_kubelet.Read).Message, StringComparison.Ordinal);
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
