using Linux;
using Shim.Oci;
using Shim.Tests.Support;
using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>Mounts of a volume under another path, in real directories.</summary>
public sealed class MountAliasesTests : IDisposable
{
    private readonly KubeletDirectory _kubelet = new();
    private readonly VolumeDecisions _decisions;

    public MountAliasesTests()
    {
        foreach (string volume in (string[])["data", "tmp", "passed"])
            _kubelet.AddEmptyDir(volume);
        VolumePlan plan = VolumePlan.Make(
            ExamplePod.Annotations("share=pod tmp.medium=memory passed.force-shared=true"), ExamplePod.Uid,
            _kubelet.Root, configured: false);
        _decisions = plan.Decisions;
        Directory.CreateSymbolicLink(_kubelet["link"], $"{_kubelet.EmptyDirs}/data");
        Directory.CreateSymbolicLink(_kubelet["root"], _kubelet.Root);
        Directory.CreateSymbolicLink(_kubelet["passed"], $"{_kubelet.EmptyDirs}/passed");
        File.CreateSymbolicLink(_kubelet["dangling"], "/nowhere");
        File.WriteAllText(_kubelet["file"], "");
    }

    public void Dispose() => _kubelet.Dispose();

    [Theory]
    [InlineData("link", "data")]
    [InlineData("link/.", "data")]
    [InlineData("root/pods/UID/volumes/kubernetes.io~empty-dir/tmp", "tmp")]
    [InlineData("kubelet//pods/UID/./volumes/kubernetes.io~empty-dir/data", "data")]
    [InlineData("kubelet/pods/../pods/UID/volumes/kubernetes.io~empty-dir/data", "data")]
    // The volume's own path is not an alias.
    [InlineData("kubelet/pods/UID/volumes/kubernetes.io~empty-dir/data", null)]
    [InlineData("kubelet/pods/UID/volumes/kubernetes.io~empty-dir/data/", null)]
    // A volume that is passed through needs no alias.
    [InlineData("passed", null)]
    [InlineData("kubelet", null)]
    [InlineData("file", null)]
    [InlineData("dangling", null)]
    [InlineData("nothing", null)]
    public void A_source_that_is_a_volume_s_directory_is_an_alias(string source, string? volume)
    {
        string path = _kubelet[source.Replace("UID", ExamplePod.Uid, StringComparison.Ordinal)];
        Assert.Equal(volume is null ? [] : new Dictionary<string, string> { [path] = $"{_kubelet.EmptyDirs}/{volume}" },
            Read(new SpecMount("/x", "bind", path, [])));
        Assert.Empty(Read(new SpecMount("/x", "tmpfs", path, ["ro"])));
    }

    [Fact]
    public void A_source_that_is_a_bind_mount_of_a_volume_is_an_alias()
    {
        Requires.Root("mounting");
        Directory.CreateDirectory(_kubelet["bound"]);
        _kubelet.Mount(_kubelet["bound"],
            new MountSpec { Type = "bind", Source = $"{_kubelet.EmptyDirs}/tmp", Options = ["bind"] });
        Assert.Equal(new Dictionary<string, string> { [_kubelet["bound"]] = $"{_kubelet.EmptyDirs}/tmp" },
            Read(new SpecMount("/x", "none", _kubelet["bound"], ["rbind"])));
    }

    [Fact]
    public void Several_mounts_have_aliases()
    {
        Assert.Equal(2, Read(
            new SpecMount("/a", "bind", _kubelet["link"], []), new SpecMount("/b", "bind", _kubelet["link"], []),
            new SpecMount("/c", "bind", _kubelet["link/"], []), new SpecMount("/p", "proc", "proc", [])).Count);
    }

    [Fact]
    public void Aliases_are_needed_only_if_a_volume_is_in_the_sandbox()
    {
        Assert.True(MountAliases.AreNeeded(_decisions));
        Assert.False(MountAliases.AreNeeded(_decisions with { Volumes = [] }));
        Assert.False(MountAliases.AreNeeded(VolumePlan.Make(
            ExamplePod.Annotations("share=shared"), ExamplePod.Uid, _kubelet.Root, configured: false).Decisions));
    }

    [Fact]
    public void No_descriptor_stays_open() => OpenDescriptors.AssertNoneLeftBy(() =>
        Read(new SpecMount("/x", "bind", _kubelet["link"], [])));

    private IReadOnlyDictionary<string, string> Read(params IReadOnlyList<SpecMount> mounts) =>
        MountAliases.Read(mounts, _decisions);
}
