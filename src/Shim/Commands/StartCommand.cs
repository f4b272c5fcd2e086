using System.Globalization;
using System.Text;
using Linux;
using Shim.Bundles;
using Shim.Configuration;
using Shim.Oci;
using Shim.Service;

namespace Shim.Commands;

/// <summary>
/// <c>start</c>: finds the shim that serves this container's sandbox, or starts one, and prints its address.
/// </summary>
/// <remarks>
/// containerd reads standard output and standard error together as the answer, so nothing else is printed. The socket
/// listens before the daemon exists, so that containerd can connect at once; the daemon inherits it as descriptor 3.
/// </remarks>
internal static class StartCommand
{
    private const int ShimOomScore = -999;

    public static int Run(ShimArguments arguments)
    {
        arguments.RequireIds("start");
        var bundle = new Bundle(Directory.GetCurrentDirectory());
        StartAnswer answer = StartAnswer.For(StandardStreams.ReadInput(), arguments.Id, arguments.Namespace);
        ContainerSpec spec = ContainerSpec.Read(bundle.Specification);
        ShimConfiguration configuration = Configuration(answer);
        string group = configuration.Grouping && spec.SandboxId is { } sandbox ? sandbox : arguments.Id;
        ShimSocket socket = ShimSocket.Of(
            answer.SocketDirectory ?? ShimSocket.DefaultDirectory, arguments.Address, arguments.Namespace, group);

        UnixListener? listener = null;
        int daemon = 0;
        try
        {
            // The daemon is started before its socket is bound. containerd may kill this process, and then nobody else
            // knows the socket and removes it.
            listener = socket.TryListen(created => daemon = StartDaemon(arguments, answer, bundle, created));
            if (daemon != 0)
                Settle(daemon, bundle, configuration);
            // Also written if the shim existed before: containerd 1.6 and 1.7 read the file when they restart.
            AtomicFile.Replace(bundle.Address, Encoding.UTF8.GetBytes(socket.Address));
            StandardIo.Write(answer.With(socket.Address));
            return 0;
        }
        catch
        {
            // As long as it lives the socket seems to be served, and is not removed.
            if (daemon != 0)
                ShortCommand.Kill(daemon);
            if (listener is not null)
                CloseAfterFailure(socket, listener);
            throw;
        }
        finally
        {
            listener?.Dispose();
        }
    }

    /// <summary>The error that follows is the one that the user needs.</summary>
    private static void CloseAfterFailure(ShimSocket socket, UnixListener listener)
    {
        try
        {
            socket.Close(listener);
        }
        catch (IOException e)
        {
            StandardStreams.WriteErrorLine($"socket {socket.Path} remains: {e.Message}");
        }
    }

    /// <summary>
    /// The configuration, as far as <c>start</c> needs it. If it is invalid, the defaults are used here: the Create
    /// that follows can report the error to the user.
    /// </summary>
    private static ShimConfiguration Configuration(StartAnswer answer)
    {
        try
        {
            return RuntimeOptions.Read(answer.Options, []);
        }
        catch (Exception e) when (e is ConfigurationException or RefusedException)
        {
            return ShimConfiguration.Default;
        }
    }

    private static int StartDaemon(
        ShimArguments arguments, StartAnswer answer, Bundle bundle, Descriptor socket) =>
        Spawner.Spawn(new SpawnRequest
        {
            Path = "/proc/self/exe",
            Arguments = DaemonArguments(arguments, answer),
            Environment = DaemonEnvironment(answer),
            WorkingDirectory = bundle.Path,
            Descriptors = [null, null, null, socket],
            NewProcessGroup = true,
            BlockedSignals = ServeCommand.AwaitedSignals,
        });

    /// <summary>Sets the daemon's OOM score and cgroup, and records its process id in the bundle.</summary>
    private static void Settle(int daemon, Bundle bundle, ShimConfiguration configuration)
    {
        OomScore.Lower(daemon, ShimOomScore);
        if (configuration.ShimCgroup.Length > 0)
            Cgroup.AtPath(CgroupHierarchies.Read(), configuration.ShimCgroup).Add(daemon);
        AtomicFile.Replace(bundle.ShimPid, Encoding.UTF8.GetBytes(daemon.ToString(CultureInfo.InvariantCulture)));
    }

    /// <summary>The daemon gets the same arguments, without the action.</summary>
    private static List<string> DaemonArguments(ShimArguments arguments, StartAnswer answer)
    {
        List<string> daemon =
        [
            Environment.GetCommandLineArgs()[0],
            .. new ShimDaemon(arguments.Namespace, arguments.Id, arguments.Address).Arguments,
        ];
        if (arguments.PublishBinary.Length > 0)
            daemon.AddRange(["-publish-binary", arguments.PublishBinary]);
        if (arguments.Debug || answer.Debug)
            daemon.Add("-debug");
        return daemon;
    }

    /// <summary>
    /// The environment that containerd passed, plus its own score for the OOM killer, which this process has inherited,
    /// and the ttrpc address if it is only in the parameters, as it may be from containerd 2.3 on.
    /// </summary>
    private static List<string> DaemonEnvironment(StartAnswer answer)
    {
        const string Address = ServeCommand.TtrpcAddressVariable, Score = ServeCommand.OomScoreVariable;
        bool hasAddress = Environment.GetEnvironmentVariable(Address) is { Length: > 0 };
        List<string> environment = [string.Create(CultureInfo.InvariantCulture, $"{Score}={OomScore.Own}")];
        if (!hasAddress && answer.TtrpcAddress.Length > 0)
            environment.Add($"{Address}={answer.TtrpcAddress}");
        foreach (System.Collections.DictionaryEntry entry in Environment.GetEnvironmentVariables())
            if ((string)entry.Key != Score && (hasAddress || (string)entry.Key != Address))
                environment.Add($"{entry.Key}={entry.Value}");
        return environment;
    }
}
