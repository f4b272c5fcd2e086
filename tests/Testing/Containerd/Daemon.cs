using System.Diagnostics;

namespace Testing;

/// <summary>
/// A containerd of its own: its directories, sockets and log are private, and its PATH begins with our shim.
/// </summary>
public sealed class Daemon : IAsyncDisposable
{
    private readonly string _version;
    private readonly string _path;
    private readonly BundleWatch _bundles;
    private Process? _process;

    private Daemon(string version, string directory, string path)
    {
        _version = version;
        _path = path;
        Directory = directory;
        _bundles = new BundleWatch(this);
    }

    /// <summary>The namespaces that tests use: that of `ctr`, and that of the CRI.</summary>
    public static IReadOnlyList<string> Namespaces { get; } = ["default", "k8s.io"];

    /// <summary>
    /// For `ctr`, which from 1.7 on prints a warning of everything deprecated that its containerd meets.
    /// </summary>
    public static IReadOnlyDictionary<string, string> CtrEnvironment { get; } =
        new Dictionary<string, string> { ["CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS"] = "true" };

    /// <summary>Everything of this daemon lies below it.</summary>
    public string Directory { get; }

    /// <summary>The random end of the directory's name, for what the whole machine shares.</summary>
    public string Suffix => Directory[^6..];

    /// <summary>All containers that it made so far, pods' sandboxes too, whatever became of them.</summary>
    public IReadOnlyList<(string Namespace, string Id)> Containers => _bundles.Seen;

    public string Version => _version;

    public string Socket => Path.Combine(Directory, "c.sock");

    public string LogFile => Path.Combine(Directory, "log");

    /// <summary>Where the bundles of a namespace are.</summary>
    public string BundlesOf(string name) => Path.Combine(Directory, "state/io.containerd.runtime.v2.task", name);

    /// <summary>runsc's root as the shim's configuration names it.</summary>
    public string RunscRoot => Path.Combine(Directory, "runsc");

    /// <summary>The shim's configuration: runsc as it can run in this place.</summary>
    public string ShimConfiguration => Path.Combine(Directory, "runsc.toml");

    public int Pid => _process!.Id;

    /// <summary>The same with the node's network, for pods that use it.</summary>
    public string HostNetworkShimConfiguration => Path.Combine(Directory, "runsc-host.toml");

    /// <param name="version">The version of containerd.</param>
    /// <param name="shimLines">More lines of the shim's configuration.</param>
    /// <param name="runscLines">More lines of its table of flags for runsc.</param>
    /// <param name="path">A directory that comes first on its PATH, after that of the shim.</param>
    /// <param name="runsc">Another runsc than Debian's.</param>
    /// <param name="containerdLines">More lines of containerd's configuration; <c>DIR</c> stands for its
    /// directory.</param>
    public static async Task<Daemon> StartAsync(string version, string shimLines = "", string runscLines = "",
        string path = "", string? runsc = null, string containerdLines = "")
    {
        Requires.Root("running containers");
        Requires.Tool($"containerd {version}", Tools.Containerd(version));
        Requires.Tool("runsc", Tools.Runsc);
        string directory = System.IO.Directory.CreateTempSubdirectory($"shim-test-{version}-").FullName;
        var daemon = new Daemon(version, directory, path);
        await DaemonConfiguration.WriteAsync(daemon, shimLines, runscLines, runsc ?? Tools.Runsc,
            containerdLines.Replace("DIR", directory, StringComparison.Ordinal));
        try
        {
            await daemon.StartProcessAsync();
            await daemon.CtrAsync("images", "import", Tools.Image).ContinueWith(static t => t.Result.Succeeded(),
                TaskScheduler.Default);
            return daemon;
        }
        catch
        {
            await daemon.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it again after <see cref="StopAsync"/> or <see cref="KillAsync"/>.</summary>
    public async Task StartProcessAsync()
    {
        string path =
            string.Join(':', Tools.ShimDirectory, _path, Tools.RuncDirectory, Tools.CriuDirectory,
                Environment.GetEnvironmentVariable("PATH"));
        // In a session of its own, so that nothing that is meant for the tests reaches it. Its output goes to a file,
        // since shims inherit it.
        var environment = new Dictionary<string, string>
        {
            ["PATH"] = path,
            ["LD_LIBRARY_PATH"] = Tools.LibraryPath,
        };
        _process = Command.Start("/bin/sh",
            ["-c", "exec \"$0\" -c \"$1\" >>\"$2\" 2>&1 </dev/null", Tools.Containerd(_version),
                Path.Combine(Directory, "config.toml"), LogFile],
            environment: environment);
        await Eventually.TrueAsync($"containerd {_version} answers; its log: {LogFile}", async () =>
            _process.HasExited
                ? throw new InvalidOperationException(
                    $"containerd {_version} ended: {await File.ReadAllTextAsync(LogFile)}")
                : (await CtrAsync("version")).ExitCode == 0, TimeSpan.FromSeconds(30));
    }

    /// <summary>Runs `ctr` of the same version against it.</summary>
    public Task<CommandResult> CtrAsync(params string[] arguments) => CtrAsync(null, arguments);

    public Task<CommandResult> CtrAsync(byte[]? input, params string[] arguments) =>
        Command.RunAsync(Ctr, ["-a", Socket, .. arguments], input, environment: CtrEnvironment);

    /// <summary>The `ctr` beside this containerd.</summary>
    public string Ctr => Path.Combine(Path.GetDirectoryName(Tools.Containerd(_version))!, "ctr");

    /// <summary>The arguments of `ctr run` for a container in gVisor, after the flags and before its command.</summary>
    public string[] Run(string id, string[] flags, params string[] command) =>
    [
        "run", "--runtime", "io.containerd.runsc.v1", "--runtime-config-path", ShimConfiguration, .. flags,
        Tools.ImageName, id, .. command,
    ];

    public async Task StopAsync()
    {
        if (_process is not { HasExited: false } process)
            return;
        Linux.Signals.Send(process.Id, Linux.Signals.SIGTERM);
        using var bound = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        try
        {
            await process.WaitForExitAsync(bound.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new TimeoutException($"containerd {_version} did not end within 20 s of SIGTERM");
        }
    }

    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>
    /// Ends it and all that it and its shims left, and removes its directory with what is mounted in it.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        _bundles.Dispose();
        if (_process is { HasExited: false })
            await KillAsync();
        _process?.Dispose();
        Processes.Kill(Directory);
        await Eventually.TrueAsync($"processes of {Directory} are gone",
            () => Processes.Mentioning(Directory).Count == 0);
        Linux.Mounts.UnmountAll(Directory);
        if (System.IO.Directory.Exists(Directory))
            System.IO.Directory.Delete(Directory, recursive: true);
    }
}
