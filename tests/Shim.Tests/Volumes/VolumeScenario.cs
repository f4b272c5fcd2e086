using CsCheck;
using Shim.Oci;
using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>
/// A generated pod: its node, its annotations, the mounts of its sandbox's specification and of its containers'.
/// </summary>
internal sealed record VolumeScenario(
    PodVolumes? Pod,
    bool Configured,
    IReadOnlyList<KeyValuePair<string, string>> Annotations,
    IReadOnlyList<SpecMount> SandboxMounts,
    IReadOnlyList<IReadOnlyList<SpecMount>> Containers)
{
    private const string Linked = $"/mnt/node/kubelet/pods/{ExamplePod.Uid}";
    private const string Hint = "dev.gvisor.spec.mount.gvisorinternaldevshm";

    private static readonly string[] s_names = ["data", "logs", "x_y", "gke-gcsfuse-tmp", "gvisorinternaldevshm"];

    private static readonly Gen<PodVolume> s_emptyDir = Gen.Select(
        Gen.OneOf(s_names), Gen.OneOf("disk", "memory"), Gen.OneOf("", "", "", " used", " gone"),
        Gen.OneOf("", " mode=2777 gid=2000", " mode=1777 uid=7"),
        static (name, medium, use, owner) => ExamplePod.EmptyDir(name, medium + owner + use));

    private static readonly Gen<PodVolume> s_other =
        Gen.Select(Gen.OneOf([.. s_names, "claim"]), static name => ExamplePod.Other(name));

    private static readonly Gen<PodVolumes?> s_pod = Gen.Select(
        Gen.Frequency<PodVolume>((3, s_emptyDir), (1, s_other)).Array[0, 5], Gen.Bool, Gen.Int[0, 9],
        static (volumes, linked, known) => known == 0 ? null : ExamplePod.With(
            // Kubernetes allows only one volume of a name.
            [.. volumes.DistinctBy(static volume => volume.Name)
                .OrderBy(static volume => volume.Name, StringComparer.Ordinal)])
            with
        { ResolvedDirectory = linked ? Linked : ExamplePod.Directory });

    private static readonly Gen<(string, string)> s_word = Gen.Select(
        Gen.OneOf([.. s_names[..4], "claim", "missing"]),
        Gen.Frequency<(string, string)>(
            (3, Gen.OneOf(("share", "pod"), ("share", "container"), ("share", "shared"))),
            (2, Gen.OneOf(("type", "tmpfs"), ("type", "bind"))),
            (2, Gen.OneOf(("medium", "disk"), ("medium", "memory"), ("medium", "tape"))),
            (1, Gen.OneOf(("force-shared", "true"), ("force-shared", "false"), ("force-shared", "?"))),
            (1, Gen.OneOf(("options", ""), ("options", "ro"), ("options", " size=1g ,,rw"), ("options", "mode=0700"))),
            (1, Gen.OneOf(
                ("source", "/etc"), ("source", "/srv"), ("source", ExamplePod.DataPath), ("directfs", "true")))),
        static (name, said) => (said.Item1 is "medium" or "force-shared"
            ? VolumeAnnotations.EmptyDir(name, said.Item1) : VolumeAnnotations.Hint(name, said.Item1), said.Item2));

    private static readonly Gen<(string, string)> s_annotation = Gen.Frequency<(string, string)>(
        (6, s_word),
        (1, Gen.OneOf(($"{Hint}.source", "/etc"), ($"{Hint}.type", "bind"), ($"{Hint}.share", "x"),
            ($"{Hint}.directfs", "x"), ("dev.gvisor.flag.host-uds", "none"),
            ("io.kubernetes.cri.sandbox-id", "é\"+\\"), ("note", ""))));

    private static readonly Gen<string> s_options =
        Gen.OneOf("", "rbind", "rbind,rprivate,ro", "bind,rw,nosuid", "slave,rbind,shared,unbindable,noexec");

    private static readonly Gen<SpecMount> s_volumeMount = Gen.Select(
        Gen.OneOf([.. s_names, "claim", "unnamed"]),
        Gen.OneOf(ExamplePod.Directory, Linked),
        Gen.OneOf(PodVolume.EmptyDirPlugin, PodVolume.EmptyDirPlugin, ExamplePod.CsiPlugin),
        Gen.OneOf("", "", "/", "//"), Gen.OneOf("bind", "bind", "none", "tmpfs", ""), s_options, Gen.Int[0, 30],
        static (name, directory, plugin, end, type, options, sub) => new SpecMount($"/mnt/{name}", type, sub switch
        {
            0 => $"{directory}/volume-subpaths/{name}/app/0",
            1 => $"{directory}/volumes/{plugin}/{name}/sub",
            _ => $"{directory}/volumes/{plugin}/{name}{end}",
        }, options.Split(',', StringSplitOptions.RemoveEmptyEntries)));

    private static readonly Gen<SpecMount> s_otherMount = Gen.OneOf(
        ExamplePod.Mount("proc proc /proc nosuid"), ExamplePod.Mount("tmpfs tmpfs /tmp rw,mode=1777"),
        ExamplePod.Mount("bind /srv /srv rbind,rprivate"), ExamplePod.Mount("tmpfs shm /dev/shm size=65536k"),
        ExamplePod.Mount("bind /var/lib/kubelet/pods/other/volumes/kubernetes.io~empty-dir/data /other rbind"));

    // containerd mounts at most one; of two it would not be clear which is meant.
    private static readonly Gen<SpecMount[]> s_sharedMemory = Gen.OneOf<SpecMount[]>([],
        [ExamplePod.Mount("bind /run/sandboxes/abc/shm /dev/shm rbind,ro")],
        [ExamplePod.Mount("none /run/sandboxes/abc/shm /dev/shm/ bind")],
        [ExamplePod.Mount($"bind {ExamplePod.DataPath} /dev/shm rbind")],
        [ExamplePod.Mount($"bind {ExamplePod.PathOf("claim", ExamplePod.CsiPlugin)}/mount /dev/shm rbind")]);

    private static readonly Gen<SpecMount[]> s_mounts = Gen.Select(
        Gen.Frequency<SpecMount>((3, s_volumeMount), (1, s_otherMount)).Array[0, 6], s_sharedMemory,
        static (mounts, shared) => (SpecMount[])[.. mounts, .. shared]);

    public static Gen<VolumeScenario> Any { get; } = Gen.Select(
        s_pod, Gen.Bool, s_annotation.Array[0, 8], s_mounts, s_mounts.Array[0, 3],
        static (pod, configured, annotations, mounts, containers) => new VolumeScenario(pod, configured,
            [.. annotations.DistinctBy(static annotation => annotation.Item1)
                .Select(static annotation => KeyValuePair.Create(annotation.Item1, annotation.Item2))],
            mounts, containers));

    /// <summary>Scenarios whose sandbox can be created, each with the sandbox's rewritten specification.</summary>
    public static Gen<(VolumeScenario Scenario, Rewriting Sandbox)> Valid { get; } = Any
        .Select(static scenario => (Scenario: scenario, Sandbox: scenario.Sandbox()))
        .Where(static pair => pair.Sandbox is not null)
        .Select(static pair => (pair.Scenario, pair.Sandbox!));

    /// <summary>The rewritten specification of the sandbox; null if a request or a mount is impossible.</summary>
    public Rewriting? Sandbox()
    {
        try
        {
            return Rewriting.OfSandbox(new Dictionary<string, string>(Annotations), SandboxMounts, Pod, Configured);
        }
        catch (VolumeException)
        {
            return null;
        }
    }

    /// <summary>The containers that can be created: their mounts before, and their rewritten specifications.</summary>
    public IEnumerable<(IReadOnlyList<SpecMount> Before, Rewriting After)> ContainersIn(Rewriting sandbox)
    {
        foreach (IReadOnlyList<SpecMount> mounts in Containers)
            if (Container(mounts, sandbox.Decisions) is { } container)
                yield return (mounts, container);
    }

    /// <summary>The rewritten specification of a container; null if a mount of it is impossible.</summary>
    private Rewriting? Container(IReadOnlyList<SpecMount> mounts, VolumeDecisions decisions)
    {
        try
        {
            return Rewriting.OfContainer(new Dictionary<string, string>(Annotations), mounts, decisions);
        }
        catch (VolumeException)
        {
            return null;
        }
    }

    // For the message of a failed test.
    public override string ToString() => string.Join('\n',
        [
            $"configured={Configured} resolved={Pod?.ResolvedDirectory ?? "no pod"}",
            .. Pod?.Volumes.Select(static volume => $"{volume.Path} {volume.Directory}") ?? [],
            .. Annotations.Select(static annotation => $"{annotation.Key}={annotation.Value}"),
            "sandbox:", .. SandboxMounts.Select(ExamplePod.TextOf),
            .. Containers.SelectMany(static mounts => (string[])["container:", .. mounts.Select(ExamplePod.TextOf)]),
        ]);
}
