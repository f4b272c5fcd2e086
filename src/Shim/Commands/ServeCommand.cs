using System.Globalization;
using Linux;
using Shim.Bundles;
using Shim.Configuration;
using Shim.Containers;
using Shim.Events;
using Shim.Io;
using Shim.Logging;
using Shim.Service;
using Ttrpc;
using GvisorTaskApi = Containerd.Api.Gvisor.TaskService;
using TaskApi = Containerd.Api.Tasks.Task;

namespace Shim.Commands;

/// <summary>
/// No action: serves the task service until the last container is deleted and containerd calls Shutdown.
/// </summary>
internal static class ServeCommand
{
    /// <summary>The environment variable in which containerd passes the socket for events.</summary>
    public const string TtrpcAddressVariable = "TTRPC_ADDRESS";

    /// <summary>
    /// The environment variable in which <c>start</c> passes containerd's score for the OOM killer. The shim's own is
    /// lower, and what it starts must not inherit that.
    /// </summary>
    public const string OomScoreVariable = "SHIM_CONTAINERD_OOM_SCORE_ADJ";

    private const int InheritedListener = 3;
    private const int MostLooks = 200;
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_drainBound = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_flushBound = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The signals that the shim waits for. They must be blocked before the runtime creates its first thread, so
    /// <c>start</c> starts the daemon with them blocked; a shim that was started otherwise executes itself again.
    /// </summary>
    public static SignalSet AwaitedSignals { get; } =
        SignalSet.Of(Signals.SIGCHLD, Signals.SIGTERM, Signals.SIGINT, Signals.SIGUSR1);

    public static int Run(ShimArguments arguments)
    {
        arguments.RequireIds("serve");
        if (!SignalMask.Current.Contains(AwaitedSignals))
            ProcessImage.Exec(AwaitedSignals);
        Signals.IgnoreSigPipe();
        CoreDumps.Disable();
        // Like any path of a command line, the socket's is relative to the directory in which the shim was started.
        if (arguments.Socket.Length > 0)
            arguments = arguments with { Socket = Path.GetFullPath(arguments.Socket) };
        if (arguments.Bundle.Length > 0)
            Directory.SetCurrentDirectory(arguments.Bundle);
        using var log = new ShimLog(LogOutput.Open("log"));
        try
        {
            using EventLoop loop = EventLoop.Create();
            loop.UnhandledException = log.Unexpected;
            loop.Run(() => ServeAsync(arguments, loop, log));
            return 0;
        }
        catch (Exception e)
        {
            log.Crashed(e);
            throw;
        }
    }

    private static async Task ServeAsync(ShimArguments arguments, EventLoop loop, ShimLog log)
    {
        // Until a Create names the configuration, or none, for its own; reading a file could block.
        log.Configure(ShimConfiguration.Default, arguments.Id, arguments.Debug);
        Reaper.BecomeSubreaper();
        var reaper = new Reaper(loop, SignalDescriptor.Open(loop, SignalSet.Of(Signals.SIGCHLD)))
        {
            ChildOomScore = int.TryParse(Environment.GetEnvironmentVariable(OomScoreVariable),
                CultureInfo.InvariantCulture, out int score) ? score : null,
        };
        using UnixListener listener = Listen(arguments, out ShimSocket? socket);
        string ttrpcAddress = Environment.GetEnvironmentVariable(TtrpcAddressVariable) ?? "";
        await using var events = new EventPublisher(ttrpcAddress, arguments.Namespace, loop.Time, log);

        var ending = new ShutdownRequest(log);
        var store = new ContainerStore();
        var blocking = new BlockingCalls(loop, loop.Time);
        var context = new ShimContext
        {
            Namespace = arguments.Namespace,
            Loop = loop,
            Time = loop.Time,
            Processes = reaper,
            Stdio = new StdioFactory(loop, reaper, blocking, log),
            Events = events,
            Log = log,
            Cgroups = CgroupHierarchies.Read(),
            Blocking = blocking,
        };
        var serverOptions = new TtrpcServerOptions
        {
            TimeProvider = loop.Time,
            Events = new ServerLog(log),
            MapException = static (_, error) => ErrorMapping.ToStatus(error),
        };
        var gvisorService = new GvisorTaskService(context, store);
        var gvisorServices = new TtrpcServices();
        GvisorTaskApi.BindService(gvisorServices, gvisorService);
        await using var gvisorServer = new TtrpcServer(gvisorServices, serverOptions);
        var hibernateServer = new HibernateServer(arguments.Id, gvisorServer, blocking, log);
        var service = new TaskService(
            new ContainerCreator(context, store), store, log, blocking, context.Cgroups.Mode,
            configuration =>
            {
                log.Configure(configuration, arguments.Id, arguments.Debug);
                return hibernateServer.ConfigureAsync(configuration);
            },
            () => ending.Ask("last container deleted"));
        var services = new TtrpcServices();
        TaskApi.BindService(new TaskServiceV3(services), service);
        GvisorTaskApi.BindService(services, gvisorService);
        await using var server = new TtrpcServer(services, serverOptions);

        Task serving = server.RunAsync(new ShimListener(listener));
        LoopTask.Watch(() => HandleSignalsAsync(loop, log, store, ending));
        if (!TryGetWorkingDirectory(out string directory))
            ending.Ask("its bundle is gone");
        var bundle = new Bundle(directory);
        var idle = new IdleShim(store, () => server.ConnectionCount + gvisorServer.ConnectionCount,
            bundle.Exists ? bundle : null, loop.Time, ending.Ask);
        LoopTask.Watch(idle.WatchAsync);
        log.Serving(ShimVersion.Number, socket?.Address ?? "");
        await ending.Asked;

        // Stops accepting connections first, so that a client that comes now starts another shim.
        await RemoveSocketAsync(log, hibernateServer.CloseAsync);
        if (socket is not null)
            await RemoveSocketAsync(log, () => socket.CloseAsync(listener, blocking));
        await Task.WhenAll(server.ShutdownAsync(s_drainBound), gvisorServer.ShutdownAsync(s_drainBound));
        await events.FlushAsync(s_flushBound);
        await serving;
    }

    /// <summary>containerd may have killed <c>start</c> and removed the bundle when this process began.</summary>
    private static bool TryGetWorkingDirectory(out string path)
    {
        try
        {
            path = Directory.GetCurrentDirectory();
            return true;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            path = "/";
            return false;
        }
    }

    private static async Task RemoveSocketAsync(ShimLog log, Func<Task> closeAsync)
    {
        try
        {
            await closeAsync();
        }
        catch (IOException e)
        {
            log.SocketNotRemoved(e);
        }
    }

    /// <summary>Listens on <c>-socket</c>, or on the descriptor 3 that <c>start</c> passed.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="socket">The socket to remove at the end.</param>
    private static UnixListener Listen(ShimArguments arguments, out ShimSocket? socket)
    {
        if (arguments.Socket.Length > 0)
        {
            socket = ShimSocket.FromAddress(arguments.Socket);
            return socket!.TryListen() ?? throw new UsageException($"another shim serves on {arguments.Socket}");
        }
        try
        {
            UnixListener listener = UnixListener.FromDescriptor(Bound(Descriptor.Inherit(InheritedListener)));
            socket = ShimSocket.FromAddress(listener.BoundPath);
            return listener;
        }
        catch (LinuxException e)
        {
            throw new UsageException(
                $"nothing to serve on: descriptor {InheritedListener} is not a listening socket ({e.Message}), "
                + "and -socket is missing");
        }
    }

    /// <summary>
    /// Waits until <c>start</c> has bound the socket, as it has long before this process runs, unless it is killed.
    /// Nothing tells when a socket begins to listen, and this is before the loop: so it looks, for at most 2 s.
    /// </summary>
    private static Descriptor Bound(Descriptor socket)
    {
        for (int look = 0; look < MostLooks && !UnixListener.IsListening(socket); look++)
            Thread.Sleep(s_look);
        return socket;
    }

    private static async Task HandleSignalsAsync(
        EventLoop loop, ShimLog log, ContainerStore store, ShutdownRequest ending)
    {
        SignalDescriptor signals =
            SignalDescriptor.Open(loop, SignalSet.Of(Signals.SIGTERM, Signals.SIGINT, Signals.SIGUSR1));
        while (true)
        {
            SignalInfo signal = await signals.ReadAsync();
            if (signal.Signal == Signals.SIGUSR1)
                StateDump.Write(store, log);
            else
                ending.Ask($"signal {signal.Signal} from process {signal.Pid}");
        }
    }
}
