using Linux;
using Testing;

namespace Benchmarks;

/// <summary>The bundle that `ctr run` makes, taken from a task of it, for raw runsc to run.</summary>
internal sealed class CtrBundle : IAsyncDisposable
{
    private const string Id = "model";
    private readonly Daemon _daemon;

    private CtrBundle(Daemon daemon, string path) => (_daemon, Path) = (daemon, path);

    public string Path { get; }

    public static async Task<CtrBundle> MakeAsync(Session session, Daemon daemon)
    {
        string path = Directory.CreateDirectory(System.IO.Path.Combine(session.Directory, "ctr-bundle")).FullName;
        var bundle = new CtrBundle(daemon, path);
        try
        {
            // A task's bundle lives until the task is deleted, also after its process has ended.
            (await daemon.CtrAsync(daemon.Run(Id, ["-d"], "true"))).Succeeded();
            string specification = System.IO.Path.Combine(
                daemon.Directory, "state/io.containerd.runtime.v2.task/default", Id, "config.json");
            File.Copy(specification, System.IO.Path.Combine(path, "config.json"));
            await Eventually.TrueAsync("the model's task can be deleted",
                async () => (await daemon.CtrAsync("tasks", "delete", Id)).ExitCode == 0);

            string rootfs = Directory.CreateDirectory(System.IO.Path.Combine(path, "rootfs")).FullName;
            string mount = (await daemon.CtrAsync("snapshots", "mounts", rootfs, Id)).Succeeded();
            (await Command.RunAsync("/bin/sh", ["-c", mount])).Succeeded();
            return bundle;
        }
        catch
        {
            await bundle.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Mounts.UnmountAll(Path);
        await _daemon.CtrAsync("containers", "rm", Id);
    }
}
