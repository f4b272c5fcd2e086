using Testing;

[assembly: AssemblyFixture(typeof(EndToEnd.Daemons))]

namespace EndToEnd;

/// <summary>One containerd of each version, started when a test first needs it.</summary>
public sealed class Daemons : IAsyncDisposable
{
    private readonly Dictionary<string, Daemon> _daemons = [];

    public async Task<Daemon> GetAsync(string version)
    {
        if (!_daemons.TryGetValue(version, out Daemon? daemon))
            _daemons.Add(version, daemon = await Daemon.StartAsync(version));
        return daemon;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Daemon daemon in _daemons.Values)
            await daemon.DisposeAsync();
    }
}
