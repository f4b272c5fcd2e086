using Containerd.Grpc.Cri;
using Grpc.Core;

namespace Testing;

/// <summary>
/// Does with a containerd what a kubelet does: makes a pod's directories, volumes and cgroup, runs its sandbox and its
/// containers through the Container Runtime Interface, and takes all of it away again. Its root is private.
/// </summary>
public sealed class Kubelet : IAsyncDisposable
{
    /// <summary>The runtime handlers that every <see cref="Testing.Daemon"/> is configured with.</summary>
    public const string Handler = "gvisor";
    public const string HostNetworkHandler = "gvisor-host";

    private static readonly TimeSpan s_ready = TimeSpan.FromSeconds(30);
    private readonly ContainerdClient _client;
    private readonly List<Pod> _pods = [];
    private int _count;

    private Kubelet(Daemon daemon)
    {
        Daemon = daemon;
        _client = new ContainerdClient(daemon);
    }

    public Daemon Daemon { get; }

    /// <summary>/var/lib/kubelet of a real one.</summary>
    public string Root => Path.Combine(Daemon.Directory, "kubelet");

    /// <summary>/var/log/pods of a real one.</summary>
    public string Logs => Path.Combine(Daemon.Directory, "logs");

    public RuntimeService.RuntimeServiceClient Runtime => _client.Runtime;

    /// <summary>The image as containers name it: kubelets name what they pulled by its id.</summary>
    internal ImageSpec Image { get; private set; } = new();

    /// <summary>Starts on a running daemon, with the images in place and the runtime and its network ready.</summary>
    public static async Task<Kubelet> StartAsync(Daemon daemon)
    {
        Requires.Tool("the network's plugins", Tools.CniDirectory);
        var kubelet = new Kubelet(daemon);
        try
        {
            await kubelet.UntilReadyAsync();
            await kubelet.PrepareImagesAsync();
            return kubelet;
        }
        catch
        {
            await kubelet.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until pods can be run, also after a restart of containerd.</summary>
    public Task UntilReadyAsync() =>
        Eventually.TrueAsync($"the runtime is ready; its log: {Daemon.LogFile}", async () =>
    {
        try
        {
            StatusResponse response = await Runtime.StatusAsync(new StatusRequest());
            return response.Status.Conditions.All(static condition => condition.Status
                || condition.Type is not ("RuntimeReady" or "NetworkReady"));
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.Unknown)
        {
            return false; // "server is not initialized yet"
        }
    }, s_ready);

    /// <summary>Makes what a pod needs on the node, and runs its sandbox.</summary>
    public async Task<Pod> RunPodAsync(PodSettings? settings = null)
    {
        Pod pod = await MakePodAsync(settings);
        await pod.RunSandboxAsync();
        return pod;
    }

    /// <summary>Makes what a pod needs on the node: its directories, volumes and cgroup.</summary>
    public async Task<Pod> MakePodAsync(PodSettings? settings = null)
    {
        var pod = new Pod(this, settings ?? new PodSettings(), $"pod{++_count}");
        _pods.Add(pod);
        await pod.MakeAsync();
        return pod;
    }

    /// <summary>Removes the pods that are left, also after a failure, and what they shared.</summary>
    public async ValueTask DisposeAsync()
    {
        List<Exception> failures = [];
        foreach (Pod pod in _pods)
            await TryAsync(() => pod.DisposeAsync().AsTask());
        await TryAsync(() => PodNetwork.RemoveAsync(Daemon));
        await TryAsync(() =>
        {
            PodCgroup.RemoveRoot(Daemon);
            return Task.CompletedTask;
        });
        _client.Dispose();
        if (failures.Count > 0)
            throw new AggregateException(failures);

        async Task TryAsync(Func<Task> act)
        {
            try
            {
                await act();
            }
            catch (Exception e)
            {
                failures.Add(e);
            }
        }
    }

    /// <summary>
    /// Imports the images unless they are there. The CRI has its own record of images, which follows containerd's.
    /// </summary>
    private async Task PrepareImagesAsync()
    {
        var request = new ImageStatusRequest { Image = new ImageSpec { Image = Tools.ImageName } };
        if ((await _client.Images.ImageStatusAsync(request)).Image is null)
            (await Daemon.CtrAsync("-n", "k8s.io", "images", "import", Tools.Image)).Succeeded();
        foreach (string name in (string[])[Tools.PauseImageName, Tools.ImageName])
        {
            request.Image.Image = name;
            Image = new ImageSpec
            {
                Image = await Eventually.GetAsync($"image {name}",
                    async () => (await _client.Images.ImageStatusAsync(request)).Image?.Id),
            };
        }
    }
}
