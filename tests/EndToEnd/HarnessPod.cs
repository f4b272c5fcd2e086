using System.Text.Json.Nodes;
using Containerd.Api.Tasks;
using Grpc.Core;
using Testing;
using Task = System.Threading.Tasks.Task;

namespace EndToEnd;

/// <summary>
/// A pod on a <see cref="ShimHarness"/>, with the annotations of the CRI: a sandbox, and containers that count in
/// memory and, where the pod has a volume, on it.
/// </summary>
internal sealed class HarnessPod(ShimHarness shim, string name, bool volume = false)
{
    private readonly List<string> _ids = [];

    /// <summary>Annotations beyond the CRI's.</summary>
    public Dictionary<string, string> Annotations { get; init; } = [];

    public string Sandbox => name;

    private string Uid => $"{name}-uid";

    public string VolumePath => Path.Combine(shim.KubeletRoot, "pods", Uid, "volumes/kubernetes.io~empty-dir/data");

    public string IdOf(string container) => $"{name}-{container}";

    /// <summary>Makes and starts the sandbox and its containers.</summary>
    public async Task RunAsync(params string[] containers)
    {
        await CreateSandboxAsync();
        await StartAsync(Sandbox);
        foreach (string container in containers)
        {
            await CreateAsync(container);
            await StartAsync(IdOf(container));
        }
        foreach (string container in containers)
            await CountAboveAsync(container, 3);
    }

    public Task CreateSandboxAsync(string image = "")
    {
        if (volume)
            Directory.CreateDirectory(VolumePath);
        return CreateAsync(Sandbox, null, ["sleep", "100000"], image);
    }

    public Task CreateAsync(string container, string image = "") => CreateAsync(IdOf(container), container,
        ["sh", "-c", $"i=0; while :; do i=$((i+1)); echo $i > /tmp/n; {WriteToVolume(container)}sleep 0.02; done"],
        image);

    private string WriteToVolume(string container) => volume ? $"echo $i > /data/{container}; " : "";

    public async Task StartAsync(string id) => await shim.Tasks.StartAsync(new StartRequest { Id = id });

    public Task<int> CountAboveAsync(string container, int least, string file = "/tmp/n") =>
        Counter.UntilAboveAsync(least, async () => (await ReadAsync(container, file)).Output);

    /// <summary>A file in a container, read behind the shim's back.</summary>
    public Task<CommandResult> ReadAsync(string container, string file) => Command.RunAsync(Tools.Runsc,
        ["--root", Path.Combine(shim.RunscRoot, "test"), "exec", IdOf(container) + "+", "cat", file]);

    public Task<CommandResult> ReadAsync(string file) => ReadAsync(name, file);

    /// <summary>Kills and deletes what was made and is still there, containers before their sandbox.</summary>
    public async Task RemoveAsync()
    {
        foreach (string id in _ids.AsEnumerable().Reverse())
        {
            await KillAsync(id);
            await shim.Tasks.WaitAsync(new WaitRequest { Id = id });
            await shim.Tasks.DeleteAsync(new DeleteRequest { Id = id });
        }
        _ids.Clear();
    }

    private async Task KillAsync(string id)
    {
        try
        {
            await shim.Tasks.KillAsync(new KillRequest { Id = id, Signal = 9 });
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            // It has ended.
        }
    }

    /// <summary>Deletes one that has ended.</summary>
    public async Task<uint> DeleteAsync(string id)
    {
        _ids.Remove(id);
        return (await shim.Tasks.DeleteAsync(new DeleteRequest { Id = id })).ExitStatus;
    }

    private async Task CreateAsync(string id, string? container, string[] command, string image)
    {
        shim.WriteBundle(id, command, spec =>
        {
            string? uid = volume ? Uid : null;
            Dictionary<string, string> annotations = container is null
                ? PodAnnotations.OfSandbox(Sandbox, uid) : PodAnnotations.OfContainer(Sandbox, container, uid);
            if (volume)
                annotations[PodAnnotations.Hint("data", "share")] = "pod";
            foreach ((string key, string value) in Annotations)
                annotations[key] = value;
            spec["annotations"] = annotations.ToJson();
            if (volume && container is not null)
                ((JsonArray)spec["mounts"]!).Add(new JsonObject
                {
                    ["destination"] = "/data",
                    ["type"] = "bind",
                    ["source"] = VolumePath,
                    ["options"] = new JsonArray("rbind", "rw"),
                });
        });
        await shim.Tasks.CreateAsync(new CreateTaskRequest
        {
            Id = id,
            Bundle = shim.BundleOf(id),
            Options = shim.Options,
            Checkpoint = image,
        });
        _ids.Add(id);
    }
}
