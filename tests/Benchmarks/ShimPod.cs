using Containerd.Api.Tasks;
using Task = System.Threading.Tasks.Task;

namespace Benchmarks;

/// <summary>A pod through this repository's shim, called as containerd calls it for a pod of CRI.</summary>
internal sealed class ShimPod : IPod
{
    private readonly ServingShim _shim;
    private bool _isDown;

    private ShimPod(Session session, PodBundles bundles)
    {
        Bundles = bundles;
        (string id, string bundle) = bundles.Containers[0];
        _shim = new ServingShim(session, ShimProgram.Ours, bundles.Directory, id, bundle);
    }

    public PodBundles Bundles { get; }

    /// <summary>The shim, which serves all of the pod.</summary>
    public ServingShim Shim => _shim;

    public static async Task<IPod> PrepareAsync(Session session) => await MakeAsync(session);

    /// <summary>The same, for those who look at its shim.</summary>
    public static async Task<ShimPod> MakeAsync(Session session)
    {
        string id = session.NewId();
        var bundles = new PodBundles(Path.Combine(session.Directory, id), id);
        await bundles.JoinAsync(
            ($"dev.gvisor.spec.mount.{PodBundles.VolumeName}.share", "pod"),
            // Also where this run's directory is in memory.
            ($"dev.gvisor.empty-dir.{PodBundles.VolumeName}.medium", "disk"));
        return new ShimPod(session, bundles);
    }

    /// <summary>
    /// containerd 1.7 and later run <c>start</c> for the sandbox alone, and know its shim when the containers come.
    /// </summary>
    public async Task BringUpAsync()
    {
        await _shim.StartAsync();
        foreach ((string id, string bundle) in Bundles.Containers)
        {
            await _shim.CreateContainerAsync(id, bundle, "", "");
            await _shim.Tasks.StartAsync(new StartRequest { Id = id }, _shim.Bounded);
        }
    }

    public async Task TakeDownAsync()
    {
        foreach ((string id, _) in Bundles.Containers.Reverse())
            await _shim.KillContainerAsync(id);
        _isDown = true;
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (_isDown)
                await _shim.ShutdownAsync();
        }
        finally
        {
            await _shim.DisposeAsync();
        }
    }
}
