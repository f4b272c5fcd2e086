using System.Text.Json.Nodes;
using Shim.Bundles;
using Shim.Configuration;
using Shim.Explain;

namespace Shim.Tests.Explain;

/// <summary>A node with kubelet's directory and containerd's bundles, faked in a temporary directory.</summary>
internal sealed class ExplainNode : IDisposable
{
    public const string Uid = "6ad3e1a2-7a09-4c5f-93a5-3f1e2b8c9d10";

    private readonly TempDirectory _directory = new();

    public ExplainNode()
    {
        Configuration = ShimConfiguration.Default with { KubeletRoot = _directory["kubelet"] };
        Directory.CreateDirectory(_directory["kubelet/pods"]);
    }

    public ShimConfiguration Configuration { get; init; }

    public string VolumesDirectory => _directory[$"kubelet/pods/{Uid}/volumes"];

    /// <summary>
    /// Annotations that make a volume disk-backed, with options that depend neither on /tmp nor on the user.
    /// </summary>
    public static Dictionary<string, string> OnDisk(string volume) => new()
    {
        [$"dev.gvisor.spec.mount.{volume}.share"] = "pod",
        [$"dev.gvisor.spec.mount.{volume}.type"] = "tmpfs",
        [$"dev.gvisor.spec.mount.{volume}.options"] = "mode=0777,uid=5,gid=6",
        [$"dev.gvisor.empty-dir.{volume}.medium"] = "disk",
    };

    /// <summary>Creates a volume's directory.</summary>
    public string AddVolume(string name, string plugin = "kubernetes.io~empty-dir") =>
        Directory.CreateDirectory(Path.Combine(VolumesDirectory, plugin, name)).FullName;

    /// <summary>Creates the bundle of a pod's sandbox.</summary>
    public Bundle AddSandbox(
        Dictionary<string, string> annotations, params (string Destination, string Source)[] mounts) =>
        AddBundle("pod", new(annotations)
        {
            ["io.kubernetes.cri.container-type"] = "sandbox",
            ["io.kubernetes.cri.sandbox-id"] = "pod",
            ["io.kubernetes.cri.sandbox-uid"] = Uid,
        }, mounts);

    /// <summary>Creates the bundle of a container that joins the sandbox.</summary>
    public Bundle AddContainer(params (string Destination, string Source)[] mounts) =>
        AddBundle("web", new()
        {
            ["io.kubernetes.cri.container-type"] = "container",
            ["io.kubernetes.cri.sandbox-id"] = "pod",
        }, mounts);

    /// <summary>Creates a bundle with bind mounts.</summary>
    public Bundle AddBundle(
        string id, Dictionary<string, string> annotations, params (string Destination, string Source)[] mounts)
    {
        var bundle = new Bundle(Directory.CreateDirectory(_directory[$"bundles/{id}"]).FullName);
        var spec = new JsonObject { ["annotations"] = new JsonObject(), ["mounts"] = new JsonArray() };
        foreach ((string name, string value) in annotations)
            spec["annotations"]![name] = value;
        foreach ((string destination, string source) in mounts)
            spec["mounts"]!.AsArray().Add(new JsonObject
            {
                ["destination"] = destination,
                ["type"] = "bind",
                ["source"] = source,
                ["options"] = new JsonArray("rbind", "rprivate", "rw"),
            });
        File.WriteAllText(bundle.Specification, spec.ToJsonString());
        return bundle;
    }

    public ExplainReport Explain(Bundle bundle) => ExplainReport.OfBundle(bundle, Configuration);

    public ExplainReport Explain(Dictionary<string, string> annotations) =>
        ExplainReport.OfPod(annotations, Uid, Configuration);

    /// <summary>Saves the decisions in the sandbox's bundle, as a create does.</summary>
    public void Keep(Bundle sandbox) => Explain(sandbox).Decisions.Save(sandbox.Volumes);

    /// <summary>Every file and directory, with its mode, time of modification and content.</summary>
    public List<string> Snapshot()
    {
        List<string> entries = [];
        foreach (string path in Directory.EnumerateFileSystemEntries(_directory.Path, "*",
            new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }))
            entries.Add($"{path} {File.GetUnixFileMode(path)} {File.GetLastWriteTimeUtc(path):O} "
                + (File.Exists(path) ? Convert.ToHexString(File.ReadAllBytes(path)) : ""));
        entries.Sort(StringComparer.Ordinal);
        return entries;
    }

    public void Dispose() => _directory.Dispose();
}
