using System.Reflection;

namespace Linux.Tests.Peer;

/// <summary>
/// Runs a scenario in a separate process: this executable again, started as the shim is, with its signals blocked from
/// the first instruction. Scenarios that need that, or count descriptors or threads, cannot run beside other tests in
/// the runner.
/// </summary>
internal static class PeerProcess
{
    public const string Verb = "peer";
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(60);

    /// <summary>Runs a scenario, and fails with its output if it fails.</summary>
    public static void Run(Action scenario, SignalSet? blocked = null)
    {
        SpawnRequest request = Request(scenario) with { BlockedSignals = blocked ?? DaemonSignals };
        (int status, string output) = Loops.Run(loop => Spawn(loop, request));
        Assert.True(status == 0, $"{scenario.Method.Name} ended with status {status}:\n{output}");
    }

    /// <summary>The request that starts a scenario.</summary>
    public static SpawnRequest Request(Action scenario) => new()
    {
        Path = Environment.ProcessPath!,
        Arguments = [Environment.ProcessPath!, Verb,
            $"{scenario.Method.DeclaringType!.FullName}:{scenario.Method.Name}"],
    };

    public static SignalSet DaemonSignals =>
        SignalSet.Of(Signals.SIGCHLD, Signals.SIGTERM, Signals.SIGINT, Signals.SIGUSR1);

    public static int RunScenario(string scenario)
    {
        try
        {
            string[] parts = scenario.Split(':');
            MethodInfo method = Type.GetType(parts[0], throwOnError: true)!.GetMethod(parts[1],
                BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)!;
            method.CreateDelegate<Action>()();
            return 0;
        }
        catch (Exception e)
        {
            Console.Error.WriteLine(e);
            return 1;
        }
    }

    private static async Task<(int Status, string Output)> Spawn(EventLoop loop, SpawnRequest request)
    {
        (Descriptor read, Descriptor write) = Descriptor.Pipe();
        using DescriptorStream output = new(loop, read);
        int pid;
        using (write)
            pid = Spawner.Spawn(request with { Descriptors = [null, write, write] });
        try
        {
            string text = await Streams.ReadToEnd(output).WaitAsync(s_bound, loop.Time);
            return (Children.Wait(pid), text);
        }
        catch (TimeoutException)
        {
            Signals.Send(pid, Signals.SIGKILL);
            Children.Wait(pid);
            return (-1, "timed out");
        }
    }
}
