using Testing;

namespace EndToEnd;

/// <summary>A test that acts as a kubelet: whatever it does, nothing may be left on the machine afterwards.</summary>
public abstract class CriTest(Daemons daemons) : IAsyncDisposable
{
    private Daemon? _own;
    private Kubelet? _kubelet;
    private Leftovers? _leftovers;

    /// <summary>A kubelet on the daemon that tests share.</summary>
    protected async Task<Kubelet> KubeletAsync(string version) => await StartAsync(await daemons.GetAsync(version));

    /// <summary>A kubelet on a daemon for this test alone, which may stop or kill it.</summary>
    /// <param name="version">The version of containerd.</param>
    /// <param name="shimLines">More lines of the shim's configuration.</param>
    /// <param name="runscLines">More lines of its table of flags for runsc.</param>
    protected async Task<Kubelet> OwnKubeletAsync(string version, string shimLines = "", string runscLines = "") =>
        await StartAsync(_own = await Daemon.StartAsync(version, shimLines, runscLines));

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        try
        {
            if (_kubelet is not null)
                await _kubelet.DisposeAsync();
            if (_leftovers is not null)
                await _leftovers.AssertNoneAsync();
        }
        finally
        {
            if (_own is not null)
                await _own.DisposeAsync();
            CleanUp();
        }
    }

    /// <summary>Removes what a test made beside its daemon, when that is gone.</summary>
    protected virtual void CleanUp()
    {
    }

    private async Task<Kubelet> StartAsync(Daemon daemon)
    {
        _leftovers = Leftovers.Before(daemon);
        return _kubelet = await Kubelet.StartAsync(daemon);
    }
}
