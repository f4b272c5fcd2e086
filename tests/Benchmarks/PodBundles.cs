using System.Text.Json.Nodes;
using Testing;

namespace Benchmarks;

/// <summary>
/// What a pod is made from: the bundles of its sandbox and of two containers, and the emptyDir that these mount.
/// </summary>
internal sealed class PodBundles
{
    /// <summary>The emptyDir's name in the pod.</summary>
    public const string VolumeName = "data";

    private readonly string _id;

    /// <param name="directory">The pod's own.</param>
    /// <param name="id">The sandbox's id.</param>
    public PodBundles(string directory, string id)
    {
        (Directory, _id) = (System.IO.Directory.CreateDirectory(directory).FullName, id);
        Volume = System.IO.Directory.CreateDirectory(
            Path.Combine(directory, "kubelet/pods", Uid, "volumes/kubernetes.io~empty-dir", VolumeName)).FullName;
        Containers = [.. ((string[])[id, $"{id}-a", $"{id}-b"]).Select(
            container => (container, BundleWriter.Write(directory, container, "sleep", "1000")))];
    }

    public string Directory { get; }

    public string Uid { get; } = Guid.NewGuid().ToString();

    /// <summary>The emptyDir on the node.</summary>
    public string Volume { get; }

    /// <summary>In the order in which they are made; the sandbox is the first.</summary>
    public IReadOnlyList<(string Id, string Bundle)> Containers { get; }

    /// <summary>Makes them a pod, with what containerd's CRI writes into their specifications.</summary>
    /// <param name="annotations">Those of the pod.</param>
    public async Task JoinAsync(params (string Name, string Value)[] annotations)
    {
        foreach ((string id, string bundle) in Containers)
        {
            string path = Path.Combine(bundle, "config.json");
            JsonNode spec = JsonNode.Parse(await File.ReadAllTextAsync(path))!;
            bool isSandbox = id == _id;
            Dictionary<string, string> all =
                isSandbox ? PodAnnotations.OfSandbox(_id, Uid) : PodAnnotations.OfContainer(_id, uid: Uid);
            foreach ((string name, string value) in annotations)
                all[name] = value;
            spec["annotations"] = all.ToJson();
            if (!isSandbox)
                spec["mounts"]!.AsArray().Add(new JsonObject
                {
                    ["destination"] = $"/{VolumeName}",
                    ["type"] = "bind",
                    ["source"] = Volume,
                    ["options"] = new JsonArray("rbind", "rprivate", "rw"),
                });
            await File.WriteAllTextAsync(path, spec.ToJsonString());
        }
    }

    /// <summary>
    /// Requires that the volume is as it has to be while the pod is up: in the sandbox, its pages in one file.
    /// </summary>
    public void RequireFileStore()
    {
        if (Names() is not [var name] || !name.StartsWith(".gvisor.filestore.", StringComparison.Ordinal))
            throw new InvalidOperationException(
                $"the volume of pod {_id} is not in the sandbox, on disk: {string.Join(' ', Names())}");
    }

    /// <summary>Requires that the volume is empty, as it was.</summary>
    public void RequireEmpty()
    {
        if (Names() is { Length: > 0 } names)
            throw new InvalidOperationException($"pod {_id} left in its volume: {string.Join(' ', names)}");
    }

    private string[] Names() =>
        [.. System.IO.Directory.EnumerateFileSystemEntries(Volume).Select(path => Path.GetFileName(path)!)];
}
