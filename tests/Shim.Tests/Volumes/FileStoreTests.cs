using Shim.Tests.Support;
using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>The files that lost sandboxes leave in an emptyDir.</summary>
public sealed class FileStoreTests : IDisposable
{
    private readonly KubeletDirectory _kubelet = new();

    public void Dispose() => _kubelet.Dispose();

    [Fact]
    public void File_stores_of_sandboxes_that_no_longer_exist_are_removed()
    {
        string path = _kubelet.AddEmptyDir("data", ".gvisor.filestore.gone", ".gvisor.filestore.alive",
            ".gvisor.filestore.*", ".gvisor.filestore.", "file");
        Directory.CreateDirectory($"{path}/.gvisor.filestore.directory");
        IReadOnlyList<string> removed = Remove(Volume(), "alive");
        Assert.Equal([".gvisor.filestore.", ".gvisor.filestore.*", ".gvisor.filestore.gone"],
            removed.Order(StringComparer.Ordinal));
        Assert.Equal([".gvisor.filestore.alive", ".gvisor.filestore.directory", "file"],
            Directory.GetFileSystemEntries(path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_file_store_that_vanished_is_not_an_error()
    {
        string path = _kubelet.AddEmptyDir("data", ".gvisor.filestore.gone");
        PodVolume volume = Volume();
        File.Delete($"{path}/.gvisor.filestore.gone");
        Assert.Empty(Remove(volume));
        Directory.Delete(path);
        Assert.Empty(Remove(volume));
    }

    [Fact]
    public void A_volume_that_became_a_link_is_rejected()
    {
        string path = _kubelet.AddEmptyDir("data", ".gvisor.filestore.gone");
        PodVolume volume = Volume();
        Directory.Move(path, _kubelet["elsewhere"]);
        Directory.CreateSymbolicLink(path, _kubelet["elsewhere"]);
        var e = Assert.Throws<VolumeException>(() => Remove(volume));
        Assert.StartsWith("stale file store of volume data cannot be removed: ", e.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(_kubelet["elsewhere/.gvisor.filestore.gone"]));
    }

    [Fact]
    public void A_file_store_that_became_a_link_is_removed_and_not_followed()
    {
        string path = _kubelet.AddEmptyDir("data", ".gvisor.filestore.gone");
        PodVolume volume = Volume();
        File.WriteAllText(_kubelet["kept"], "");
        File.Delete($"{path}/.gvisor.filestore.gone");
        File.CreateSymbolicLink($"{path}/.gvisor.filestore.gone", _kubelet["kept"]);
        Assert.Single(Remove(volume));
        Assert.Empty(Directory.GetFileSystemEntries(path));
        Assert.True(File.Exists(_kubelet["kept"]));
    }

    [Fact]
    public void A_file_store_that_cannot_be_removed_is_an_error()
    {
        string path = _kubelet.AddEmptyDir("data", ".gvisor.filestore.gone");
        PodVolume volume = Volume();
        File.Delete($"{path}/.gvisor.filestore.gone");
        Directory.CreateDirectory($"{path}/.gvisor.filestore.gone");
        OpenDescriptors.AssertNoneLeftBy(() =>
        {
            var e = Assert.Throws<VolumeException>(() => Remove(volume));
            Assert.Contains("EISDIR", e.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Without_file_stores_nothing_is_looked_up()
    {
        _kubelet.AddEmptyDir("data", "file");
        PodVolume volume = Volume();
        Directory.Delete(_kubelet.Root, recursive: true);
        Assert.Empty(Remove(volume));
        Assert.Empty(Remove(volume with { Directory = null }));
    }

    [Fact]
    public void A_file_store_in_a_root_file_system_is_removed()
    {
        using TempDirectory rootfs = new();
        rootfs.Write(".gvisor.filestore.web+", "");
        File.CreateSymbolicLink(rootfs[".gvisor.filestore.link+"], rootfs.Write("kept", ""));
        foreach (string id in (string[])["web+", "link+", "missing+"])
            FileStores.RemoveFrom(rootfs.Path, id);
        Assert.Equal([rootfs["kept"]], Directory.GetFileSystemEntries(rootfs.Path));
        FileStores.RemoveFrom("/no/such/rootfs", "web+");
    }

    [Fact]
    public void A_pod_that_makes_many_costs_no_more_than_a_thousand()
    {
        string path = _kubelet.AddEmptyDir("data");
        for (int i = 0; i < 3000; i++)
            File.WriteAllText($"{path}/.gvisor.filestore.{i}", "");
        PodVolume volume = Volume();
        Assert.Equal(1000, volume.Directory!.FileStores.Count);
        Assert.Equal(1000, Remove(volume).Count);
        Assert.Equal(2000, Directory.GetFiles(path).Length);
    }

    private IReadOnlyList<string> Remove(PodVolume volume, params string[] sandboxes) =>
        FileStores.RemoveStale(_kubelet.Root, ExamplePod.Uid, volume, sandboxes.ToHashSet(StringComparer.Ordinal));

    private PodVolume Volume() => Assert.Single(_kubelet.Read().Volumes);
}
