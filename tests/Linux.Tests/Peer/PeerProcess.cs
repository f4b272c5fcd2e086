using System.Reflection;
using System.Text;

namespace Linux.Tests.Peer;

/// <summary>
/// Runs a scenario in a process of its own: this executable again, started as the daemon is, with its signals blocked
/// from the first instruction on. What needs that, and what counts descriptors or threads, cannot run among other
/// tests in the runner.
/// </summary>
internal static class PeerProcess
{
    public const string Verb = "peer";
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    /// <summary>Runs a scenario and fails with its output if it failed.</summary>
    public static void Run(Action scenario, SignalSet? blocked = null)
    {
        SpawnRequest request = Request(scenario) with { BlockedSignals = blocked ?? DaemonSignals };
        (int status, string output) = Loops.Run(loop => Spawn(loop, request));
        Assert.True(status == 0, $"{scenario.Method.Name} ended with status {status}:\n{output}");
    }

    /// <summary>What starts a scenario.</summary>
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
            string text = await Streams.ReadToEnd(output).WaitAsync(Bound, loop.Time);
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

internal static class Streams
{
    public static async Task<string> ReadToEnd(Stream stream)
    {
        using MemoryStream all = new();
        await stream.CopyToAsync(all);
        return Encoding.UTF8.GetString(all.ToArray());
    }

    public static async Task<string> ReadLine(Stream stream)
    {
        List<byte> line = [];
        byte[] one = new byte[1];
        while (await stream.ReadAsync(one) == 1 && one[0] != '\n')
            line.Add(one[0]);
        return Encoding.UTF8.GetString([.. line]);
    }
}

internal static class Loops
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    /// <summary>Runs a body on a fresh loop, with a bound.</summary>
    public static void Run(Func<EventLoop, Task> body)
    {
        using EventLoop loop = EventLoop.Create();
        loop.Run(() => body(loop).WaitAsync(Bound, loop.Time));
    }

    /// <inheritdoc cref="Run(Func{EventLoop, Task})"/>
    public static T Run<T>(Func<EventLoop, Task<T>> body)
    {
        using EventLoop loop = EventLoop.Create();
        return loop.Run(() => body(loop).WaitAsync(Bound, loop.Time));
    }
}

internal static class Children
{
    /// <summary>Waits for a child of the test runner; returns its exit code, or 128 + signal.</summary>
    public static unsafe int Wait(int pid)
    {
        int status;
        while (Libc.waitpid(pid, &status, 0) < 0)
        {
            if (LinuxException.LastErrno != Errno.EINTR)
                LinuxException.ThrowLast("waitpid");
        }
        return new ProcessExit(pid, status, default).ExitCode;
    }

    public static void Dup2(int from, int to) => LinuxException.ThrowIfFailed(TestLibc.dup2(from, to), "dup2");

    /// <summary>Runs a program to its end and returns what it wrote on descriptor 1.</summary>
    public static string Output(SpawnRequest request)
    {
        (Descriptor read, Descriptor write) = Descriptor.Pipe();
        int pid;
        using (write)
        {
            Descriptor?[] descriptors = [.. request.Descriptors];
            if (descriptors.Length < 2)
                Array.Resize(ref descriptors, 2);
            descriptors[1] ??= write;
            pid = Spawner.Spawn(request with { Descriptors = descriptors });
        }
        string output = Loops.Run(async loop =>
        {
            using DescriptorStream stream = new(loop, read);
            return await Streams.ReadToEnd(stream);
        });
        Assert.Equal(0, Wait(pid));
        return output;
    }

    public static SpawnRequest Shell(string script) =>
        new() { Path = "/bin/sh", Arguments = ["sh", "-c", script] };
}
