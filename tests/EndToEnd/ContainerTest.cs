using Testing;

namespace EndToEnd;

/// <summary>A test that runs containers: whatever it does, nothing may be left on the machine afterwards.</summary>
public abstract class ContainerTest(Daemons daemons) : IAsyncDisposable
{
    private static readonly string s_run = Guid.NewGuid().ToString("N")[..4];
    private static int s_count;
    private readonly int _number = ++s_count;
    private Daemon? _daemon;
    private Leftovers? _leftovers;
    private bool _own;

    /// <summary>The daemon of this test; the first call decides.</summary>
    protected async Task<Daemon> DaemonAsync(string version)
    {
        _daemon = await daemons.GetAsync(version);
        _leftovers = Leftovers.Before(_daemon);
        return _daemon;
    }

    /// <summary>A daemon for this test alone, which may stop or kill it.</summary>
    /// <param name="version">The version of containerd.</param>
    /// <param name="path">A directory that comes first on its PATH.</param>
    /// <param name="runsc">Another runsc than Debian's.</param>
    protected async Task<Daemon> OwnDaemonAsync(string version, string path = "", string? runsc = null)
    {
        _daemon = await Daemon.StartAsync(version, path: path, runsc: runsc);
        _own = true;
        _leftovers = Leftovers.Before(_daemon);
        return _daemon;
    }

    /// <summary>An id that no other test has, nor another run on this machine: cgroups are named by it.</summary>
    protected string Id(string name) => $"{name}-{s_run}{_number}";

    /// <summary>Waits until the container's process has made the file /tmp/up.</summary>
    protected static Task UntilUpAsync(Daemon daemon, string id) =>
        Eventually.TrueAsync($"{id} is up", async () =>
            (await daemon.CtrAsync("tasks", "exec", "--exec-id", $"up{Guid.NewGuid():N}", id, "test", "-e", "/tmp/up"))
                .ExitCode == 0);

    /// <summary>Waits until the container's task has ended.</summary>
    protected static Task UntilStoppedAsync(Daemon daemon, string id) =>
        Eventually.TrueAsync($"task {id} stops", async () => await StatusAsync(daemon, id) == "STOPPED");

    /// <summary>`ctr` mounts a snapshot to read a user's name, and was killed meanwhile.</summary>
    protected static void UnmountOfKilledClients(Daemon daemon)
    {
        foreach (string line in File.ReadAllLines("/proc/self/mountinfo"))
            if (line.Split(' ')[4] is { } target && line.Contains(daemon.Directory, StringComparison.Ordinal)
                && target.StartsWith("/tmp/containerd-mount", StringComparison.Ordinal))
            {
                Linux.Mounts.UnmountAll(target);
                Directory.Delete(target);
            }
    }

    /// <summary>The status of a task as `ctr` shows it; empty where containerd knows no such task.</summary>
    internal static async Task<string> StatusAsync(Daemon daemon, string id)
    {
        foreach (string line in (await daemon.CtrAsync("tasks", "ls")).Succeeded().Split('\n'))
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [string name, _, string status] && name == id)
                return status;
        return "";
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_daemon is null)
            return;
        try
        {
            await RemoveContainersAsync(_daemon);
            await _leftovers!.AssertNoneAsync();
        }
        finally
        {
            if (_own)
                await _daemon.DisposeAsync();
        }
    }

    /// <summary>Also after a failure: kill, delete and remove, as a user would.</summary>
    protected static async Task RemoveContainersAsync(Daemon daemon)
    {
        string[] Ids(CommandResult listed) => listed.Succeeded().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        // Containers before their sandbox: those that were made last first.
        foreach (string id in Ids(await daemon.CtrAsync("tasks", "ls", "-q")).Reverse())
        {
            await daemon.CtrAsync("tasks", "kill", "-s", "KILL", id);
            await Eventually.TrueAsync($"task {id} can be deleted",
                async () => (await daemon.CtrAsync("tasks", "delete", "-f", id)).ExitCode == 0
                    || !Ids(await daemon.CtrAsync("tasks", "ls", "-q")).Contains(id));
        }
        foreach (string id in Ids(await daemon.CtrAsync("containers", "ls", "-q")))
            (await daemon.CtrAsync("containers", "rm", id)).Succeeded();
    }
}
