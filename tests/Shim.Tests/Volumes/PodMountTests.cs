using Shim.Oci;
using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>Which mounts are of a volume of the pod, and how they are rewritten.</summary>
public sealed class PodMountTests
{
    private const string Empty = $"{ExamplePod.Directory}/volumes/kubernetes.io~empty-dir";
    private const string Linked = $"/mnt/node/kubelet/pods/{ExamplePod.Uid}";

    [Theory]
    [InlineData("disk", $"bind {Empty}/data /data rbind,rprivate,ro", $"bind {Empty}/data /data rbind,rprivate,ro")]
    [InlineData("disk", $"none {Empty}/data /data bind,rw", $"none {Empty}/data /data bind,rw")]
    [InlineData("disk", $"bind {Empty}/data/ /data rbind", $"bind {Empty}/data /data rbind")]
    [InlineData("memory", $"bind {Empty}/data /data rbind,rprivate,ro", $"tmpfs {Empty}/data /data ro")]
    [InlineData("memory", $"none {Empty}/data /data bind,rw,noexec", $"tmpfs {Empty}/data /data rw,noexec")]
    [InlineData("memory", $"bind {Empty}/data// /data rbind", $"tmpfs {Empty}/data /data ")]
    [InlineData("memory",
        $"bind {Empty}/data /d bind,rbind,private,rprivate,slave,rslave,shared,rshared,unbindable,runbindable,nodev",
        $"tmpfs {Empty}/data /d nodev")]
    // An earlier rewrite; and a tmpfs of a volume on disk, whose pages would be in memory if it were mounted first.
    [InlineData("memory", $"tmpfs {Empty}/data /data ro", $"tmpfs {Empty}/data /data ro")]
    [InlineData("disk", $"tmpfs {Empty}/data /data ro", $"bind {Empty}/data /data ro,rbind")]
    [InlineData("disk", $"tmpfs {Empty}/data /data bind,ro", $"bind {Empty}/data /data bind,ro")]
    public void A_mount_of_the_volume_gets_the_type_of_its_medium(string facts, string mount, string expected)
    {
        foreach (Rewriting rewriting in SandboxAndContainer(facts, mount))
            Assert.Equal([expected], rewriting.MountTexts);
    }

    [Theory]
    [InlineData("proc proc /proc nosuid")]
    [InlineData("tmpfs tmpfs /data rw")]
    [InlineData("bind /srv /data rbind")]
    [InlineData("bind relative /data rbind")]
    [InlineData($"bind {Empty} /data rbind")]
    [InlineData($"bind {Empty}/data2 /data rbind")]
    [InlineData($"bind {Empty}/dat /data rbind")]
    [InlineData($"bind {ExamplePod.Directory} /data rbind")]
    [InlineData($"bind {ExamplePod.Directory}/etc-hosts /etc/hosts rbind")]
    [InlineData($"bind {ExamplePod.Directory}/volume-subpaths/data /data rbind")]
    [InlineData($"bind {ExamplePod.Directory}/volume-subpaths/data2/app/0 /data rbind")]
    [InlineData($"bind {ExamplePod.Directory}/volumes/kubernetes.io~csi/data /data rbind")]
    [InlineData($"bind {ExamplePod.Directory}/volumes/kubernetes.io~csi/data/mount /data rbind")]
    // Another pod's volume of the same name.
    [InlineData("bind /var/lib/kubelet/pods/other/volumes/kubernetes.io~empty-dir/data /data rbind")]
    [InlineData("bind /var/lib/kubelet/pods/other/volume-subpaths/data/app/0 /data rbind")]
    [InlineData($"ext4 {Empty}/data /data rw")]
    public void A_mount_of_something_else_stays(string mount)
    {
        foreach (string facts in (string[])["disk", "memory"])
            foreach (Rewriting rewriting in SandboxAndContainer(facts, mount))
                Assert.Empty(rewriting.Edits.Mounts);
    }

    [Theory]
    [InlineData($"{Linked}/volumes/kubernetes.io~empty-dir/data", true)]
    [InlineData($"{Linked}/volumes/kubernetes.io~empty-dir/data/", true)]
    [InlineData($"{Empty}/data", true)]
    [InlineData($"{Linked}/volumes/kubernetes.io~empty-dir/data2", false)]
    [InlineData("/mnt/node/kubelet/pods/other/volumes/kubernetes.io~empty-dir/data", false)]
    public void A_mount_of_the_volume_may_be_written_with_links_resolved(string source, bool isVolume)
    {
        PodVolumes pod = ExamplePod.With(ExamplePod.EmptyDir(facts: "memory")) with { ResolvedDirectory = Linked };
        SpecMount mount = ExamplePod.Mount($"bind {source} /data rbind");
        Rewriting sandbox = Rewriting.OfSandbox(ExamplePod.Annotations("share=pod"), [mount], pod);
        Assert.Equal(isVolume ? [$"tmpfs {Empty}/data /data "] : [ExamplePod.TextOf(mount)], sandbox.MountTexts);
        Assert.Equal($"{Empty}/data", sandbox.Annotations["dev.gvisor.spec.mount.data.source"]);
    }

    [Theory]
    [InlineData("disk")]
    [InlineData("memory")]
    public void A_mount_of_the_volume_under_another_path_gets_the_volume_s_own(string facts)
    {
        var known = new MountFacts(new Dictionary<string, string> { ["/mnt/alias"] = $"{Empty}/data" }, null);
        foreach (Rewriting rewriting in SandboxAndContainer(facts, "bind /mnt/alias /data rbind,ro", known))
            Assert.Equal([facts == "disk" ? $"bind {Empty}/data /data rbind,ro" : $"tmpfs {Empty}/data /data ro"],
                rewriting.MountTexts);
    }

    [Theory]
    [InlineData($"{ExamplePod.Directory}/volume-subpaths/data/app/0")]
    [InlineData($"{Linked}/volume-subpaths/data/app/0")]
    [InlineData($"{Empty}/data/sub/directory")]
    [InlineData($"{Linked}/volumes/kubernetes.io~empty-dir/data/sub")]
    public void A_subPath_of_a_volume_in_the_sandbox_is_rejected(string source)
    {
        PodVolumes pod = ExamplePod.With(ExamplePod.EmptyDir()) with { ResolvedDirectory = Linked };
        SpecMount mount = ExamplePod.Mount($"bind {source} /app rbind");
        foreach (string annotations in (string[])["share=pod", "medium=memory", "share=container type=tmpfs"])
        {
            VolumeDecisions decisions = Rewriting.OfSandbox(ExamplePod.Annotations(annotations), [], pod).Decisions;
            foreach (Action create in (Action[])[
                () => Rewriting.OfSandbox(ExamplePod.Annotations(annotations), [mount], pod),
                () => Rewriting.OfContainer(new Dictionary<string, string>(), [mount], decisions)])
            {
                string message = Assert.Throws<VolumeException>(create).Message;
                foreach (string words in (string[])
                    ["mount /app is a subPath of volume data", source, "; mount the whole volume, or set annotation ",
                        "dev.gvisor.empty-dir.data.force-shared=true"])
                    Assert.Contains(words, message, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData("force-shared=true", "disk")]
    [InlineData("share=shared", "memory")]
    [InlineData("share=pod", "disk used")]
    [InlineData("", "disk")]
    public void A_subPath_of_a_volume_that_is_passed_through_stays(string annotations, string facts)
    {
        SpecMount[] mounts =
        [
            ExamplePod.Mount($"bind {ExamplePod.Directory}/volume-subpaths/data/app/0 /app rbind,ro"),
            ExamplePod.Mount($"bind {Empty}/data/sub /sub rbind"),
            // Also as a container's shared memory.
            ExamplePod.Mount($"bind {ExamplePod.Directory}/volume-subpaths/data/app/1 /dev/shm rbind"),
        ];
        Rewriting sandbox = Rewriting.OfSandbox(
            ExamplePod.Annotations(annotations), mounts, ExamplePod.With(ExamplePod.EmptyDir(facts: facts)));
        Assert.Empty(sandbox.Edits.Mounts);
        Assert.Empty(Rewriting.OfContainer(sandbox.Annotations, mounts, sandbox.Decisions).Edits.Mounts);
    }

    [Fact]
    public void Paths_beside_a_directory_are_not_inside_it()
    {
        VolumeDecisions decisions = Rewriting.OfSandbox(ExamplePod.Annotations("share=pod ab.force-shared=true"), [],
            ExamplePod.With(ExamplePod.EmptyDir("ab"), ExamplePod.EmptyDir())).Decisions;
        Assert.Equal("data", decisions.At($"{Empty}/data")?.Volume);
        Assert.Equal("data", decisions.At($"{Empty}/data/")?.Volume);
        Assert.Null(decisions.At($"{Empty}/data2"));
        Assert.Null(decisions.At($"{Empty}/data/x"));
        Assert.Null(decisions.At($"x{Empty}/data"));
        Assert.Null(decisions.At(""));
        Assert.Equal("data", decisions.Above($"{Empty}/data/x")?.Volume);
        Assert.Equal("ab", decisions.Above($"{ExamplePod.Directory}/volume-subpaths/ab/app/0")?.Volume);
        Assert.Null(decisions.Above($"{Empty}/data"));
        Assert.Null(decisions.Above($"{Empty}/data/"));
        Assert.Null(decisions.Above($"{Empty}/data2/x"));
        Assert.Null(VolumeDecisions.None.Above("/volume-subpaths/x/y/0"));
    }

    /// <summary>Kubernetes' Bidirectional: what a container mounts would appear on the node.</summary>
    [Theory]
    [InlineData("disk", "rbind,rshared,rw", "bind", "rbind,rw")]
    [InlineData("memory", "rshared,rbind,nosuid", "tmpfs", "nosuid")]
    [InlineData("disk", "shared,bind,ro", "bind", "bind,ro")]
    public void Shared_propagation_of_a_volume_in_the_sandbox_is_dropped(
        string facts, string options, string type, string kept)
    {
        foreach (Rewriting rewriting in SandboxAndContainer(facts, $"bind {Empty}/data /data {options}"))
        {
            Assert.Equal([$"{type} {Empty}/data /data {kept}"], rewriting.MountTexts);
            Assert.Matches("^propagation r?shared of mount /data is ignored: volume data is in the sandbox",
                Assert.Single(rewriting.Warnings));
        }
    }

    [Theory]
    [InlineData("/srv", "rshared")]
    [InlineData("/srv", "shared")]
    [InlineData($"{Empty}/data", "rshared")]
    public void Shared_propagation_of_other_mounts_is_rejected(string source, string propagation)
    {
        SpecMount[] mounts = [ExamplePod.Mount($"bind {source} /data rbind,{propagation}")];
        PodVolumes pod = ExamplePod.With(ExamplePod.EmptyDir());
        var none = new Dictionary<string, string>();
        foreach (Action create in (Action[])[() => Rewriting.OfSandbox(none, mounts, pod),
            () => Rewriting.OfContainer(none, mounts, Rewriting.OfSandbox(none, [], pod).Decisions)])
            Assert.StartsWith($"mount /data has the propagation {propagation} (Bidirectional), which gVisor does not",
                Assert.Throws<VolumeException>(create).Message, StringComparison.Ordinal);
    }

    private static Rewriting[] SandboxAndContainer(string facts, string mount, MountFacts? known = null)
    {
        SpecMount[] mounts = [ExamplePod.Mount(mount)];
        Rewriting sandbox = Rewriting.OfSandbox(ExamplePod.Annotations("share=pod"), mounts,
            ExamplePod.With(ExamplePod.EmptyDir(facts: facts)), facts: known);
        return [sandbox, Rewriting.OfContainer(new Dictionary<string, string>(), mounts, sandbox.Decisions, known)];
    }
}
