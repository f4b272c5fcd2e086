using Shim.Oci;
using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>
/// <c>/dev/shm</c>: the CRI's bind mount, a default tmpfs, a volume of the pod, and pods that set the shim's own hint.
/// </summary>
public sealed class SharedMemoryTests
{
    private const string Source = "/run/containerd/io.containerd.grpc.v1.cri/sandboxes/abc/shm";
    private const string Bind = $"bind {Source} /dev/shm rbind,ro";
    private const string Rewritten = $"tmpfs {Source} /dev/shm ro";
    private const string Hint = "dev.gvisor.spec.mount.gvisorinternaldevshm";

    private static readonly MountFacts s_facts = new(MountAliases.None, new SharedMemory(Source, 64 << 20));

    private static readonly Dictionary<string, string> s_none = [];

    private static readonly Dictionary<string, string> s_hint = new()
    {
        [$"{Hint}.source"] = Source,
        [$"{Hint}.type"] = "tmpfs",
        [$"{Hint}.share"] = "pod",
        [$"{Hint}.options"] = "rw,size=67108864",
    };

    private static readonly Dictionary<string, string> s_hostile = new()
    {
        [$"{Hint}.source"] = "/etc",
        [$"{Hint}.type"] = "bind",
        [$"{Hint}.share"] = "nonsense",
        [$"{Hint}.options"] = "ro,mode=0",
        [$"{Hint}.directfs"] = "true",
    };

    [Theory]
    [InlineData(Bind, Rewritten)]
    [InlineData($"bind {Source} /dev/shm/ rbind,ro", $"tmpfs {Source} /dev/shm/ ro")]
    [InlineData($"none {Source} /dev/shm bind,rw,rslave", $"tmpfs {Source} /dev/shm rw")]
    [InlineData(Rewritten, Rewritten)]
    public void A_bind_mount_becomes_one_tmpfs_of_the_pod(string mount, string expected)
    {
        Dictionary<string, string>[] annotationsOfPods = [s_none, s_hint, s_hostile];
        // Whether the pod is known or not.
        foreach (PodVolumes? pod in (PodVolumes?[])[null, ExamplePod.With()])
            foreach (Dictionary<string, string> annotations in annotationsOfPods)
            {
                SpecMount[] mounts = [ExamplePod.Mount("proc proc /proc nosuid"), ExamplePod.Mount(mount)];
                Rewriting sandbox = Rewriting.OfSandbox(annotations, mounts, pod, facts: s_facts);
                Assert.Equal(["proc proc /proc nosuid", expected], sandbox.MountTexts);
                Assert.Equivalent(s_hint, sandbox.Annotations, strict: true);

                // runsc reads hints only in the sandbox's specification.
                Rewriting container = Rewriting.OfContainer(annotations, mounts, sandbox.Decisions, s_facts);
                Assert.Equal(["proc proc /proc nosuid", expected], container.MountTexts);
                Assert.Empty(container.Annotations);
            }
    }

    [Theory]
    [InlineData(Bind, "tmpfs shm /dev/shm nosuid,size=65536k")]
    [InlineData("tmpfs shm /dev/shm nosuid,size=65536k", Bind)]
    [InlineData("tmpfs tmpfs /dev/shm/ rw", Rewritten)]
    public void A_second_mount_is_removed(string one, string other)
    {
        SpecMount[] mounts =
        [
            ExamplePod.Mount("proc proc /proc rw"), ExamplePod.Mount(one), ExamplePod.Mount(other),
            ExamplePod.Mount("tmpfs tmpfs /tmp rw"),
        ];
        Rewriting sandbox = Rewriting.OfSandbox(s_none, mounts, null, facts: s_facts);
        Assert.Equal(["proc proc /proc rw", Rewritten, "tmpfs tmpfs /tmp rw"], sandbox.MountTexts);
        Assert.Equal(sandbox.MountTexts,
            Rewriting.OfContainer(s_none, mounts, sandbox.Decisions, s_facts).MountTexts);
    }

    [Theory]
    [InlineData("tmpfs shm /dev/shm nosuid,size=65536k")]
    [InlineData("tmpfs tmpfs /dev/shm rw")]
    [InlineData("bind /srv /dev/shmx rbind")]
    [InlineData("bind /srv /dev/shm/sub rbind")]
    [InlineData("bind /dev/shm /srv rbind")]
    [InlineData("bind /dev/shm /dev/shm rbind,rw")]
    [InlineData("bind /srv/shm /dev/shm rbind,rw")]
    public void Other_mounts_stay(string mount)
    {
        SpecMount[] mounts = [ExamplePod.Mount(mount)];
        Assert.True(Rewriting.OfSandbox(s_none, mounts, ExamplePod.With()).Edits.IsEmpty);
        Assert.True(Rewriting.OfContainer(s_none, mounts, VolumeDecisions.None).Edits.IsEmpty);
        // A pod's hint under the shim's name is removed even if the shim needs none.
        Rewriting hostile = Rewriting.OfSandbox(s_hostile, mounts, ExamplePod.With());
        Assert.Empty(hostile.Annotations);
        Assert.Empty(hostile.Edits.Mounts);
    }

    [Theory]
    [InlineData("share=pod", "disk", "bind rbind,rw")]
    [InlineData("share=pod", "memory", "tmpfs rw")]
    [InlineData("medium=memory", "disk", "tmpfs rw")]
    [InlineData("force-shared=true", "memory", "bind rbind,rw")]
    [InlineData("", "memory", "bind rbind,rw")]
    public void A_volume_of_the_pod_keeps_its_medium(string annotations, string facts, string expected)
    {
        Dictionary<string, string> asked = ExamplePod.Annotations(annotations);
        PodVolumes pod = ExamplePod.With(ExamplePod.EmptyDir(facts: facts));
        SpecMount[] mounts = [ExamplePod.Mount($"bind {ExamplePod.DataPath} /dev/shm rbind,rw")];
        string wanted = expected.Replace(" ", $" {ExamplePod.DataPath} /dev/shm ", StringComparison.Ordinal);
        Rewriting sandbox = Rewriting.OfSandbox(asked, mounts, pod);
        Assert.Equal([wanted], sandbox.MountTexts);
        Assert.DoesNotContain(sandbox.Annotations.Keys, static name => name.StartsWith(Hint, StringComparison.Ordinal));
        Assert.Equal([wanted], Rewriting.OfContainer(asked, mounts, sandbox.Decisions).MountTexts);
    }

    [Theory]
    [InlineData("share=pod", "bind rbind,rw")]
    [InlineData("medium=memory", "tmpfs rw")]
    public void A_volume_of_the_pod_under_another_path_keeps_its_medium(string annotations, string expected)
    {
        var facts = new MountFacts(
            new Dictionary<string, string> { ["/mnt/alias"] = ExamplePod.DataPath }, null);
        SpecMount[] mounts = [ExamplePod.Mount("bind /mnt/alias /dev/shm rbind,rw")];
        string wanted = expected.Replace(" ", $" {ExamplePod.DataPath} /dev/shm ", StringComparison.Ordinal);
        Rewriting sandbox = Rewriting.OfSandbox(ExamplePod.Annotations(annotations), mounts,
            ExamplePod.With(ExamplePod.EmptyDir()), facts: facts);
        Assert.Equal([wanted], sandbox.MountTexts);
        Assert.DoesNotContain(sandbox.Annotations.Keys, static name => name.StartsWith(Hint, StringComparison.Ordinal));
        Assert.Equal([wanted], Rewriting.OfContainer(s_none, mounts, sandbox.Decisions, facts).MountTexts);
    }

    [Theory]
    [InlineData("volumes/kubernetes.io~csi/claim/mount")]
    [InlineData("volumes/kubernetes.io~empty-dir/unnamed")]
    [InlineData("volume-subpaths/claim/app/0")]
    public void A_volume_of_the_pod_without_a_decision_stays(string below)
    {
        SpecMount[] mounts = [ExamplePod.Mount($"bind {ExamplePod.Directory}/{below} /dev/shm rbind")];
        Rewriting sandbox = Rewriting.OfSandbox(s_none, mounts, ExamplePod.With());
        Assert.True(sandbox.Edits.IsEmpty);
        Assert.True(Rewriting.OfContainer(s_none, mounts, sandbox.Decisions).Edits.IsEmpty);
    }

    [Theory]
    [InlineData(Source, "abc", Bind)]
    [InlineData(Source, "abc", Rewritten)]
    [InlineData("/run/containers/storage/overlay-containers/abc/userdata/shm", "abc",
        "bind /run/containers/storage/overlay-containers/abc/userdata/shm /dev/shm rw,bind")]
    // Another sandbox's, the node's with hostIPC, and what people mount.
    [InlineData(null, "abd", Bind)]
    [InlineData(null, "ab", Bind)]
    [InlineData(null, null, Bind)]
    [InlineData(null, "", Bind)]
    [InlineData(null, "abc", "bind /dev/shm /dev/shm rbind")]
    [InlineData(null, "abc", "bind /srv/abc/shared /dev/shm rbind")]
    [InlineData(null, "abc", $"bind {Source} /dev/shm2 rbind")]
    [InlineData(null, "abc", "tmpfs shm /dev/shm rw")]
    public void Only_the_CRIs_shared_memory_is_the_pods(string? expected, string? sandbox, string mount) =>
        Assert.Equal(expected, SharedMemory.SourceIn([ExamplePod.Mount(mount)], sandbox));

    [Fact]
    public void A_size_that_is_not_known_is_not_limited()
    {
        Rewriting sandbox = Rewriting.OfSandbox(s_none, [ExamplePod.Mount(Bind)], null,
            facts: new MountFacts(MountAliases.None, new SharedMemory(Source, null)));
        Assert.Equal("rw", sandbox.Annotations[$"{Hint}.options"]);
    }
}
