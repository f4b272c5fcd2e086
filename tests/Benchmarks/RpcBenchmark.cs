using System.Diagnostics;
using Containerd.Api.Tasks;
using Google.Protobuf;
using Testing;
using Task = System.Threading.Tasks.Task;

namespace Benchmarks;

/// <summary>How fast a shim answers the most frequent calls, on one connection, as containerd has one.</summary>
internal static class RpcBenchmark
{
    private const int WarmUps = 500;

    public static async Task RunAsync(Session session)
    {
        int rounds = session.Times(10, 1), calls = session.Times(2000, 50);
        await using ServingShim ours = await ServingShim.StartAsync(session, ShimProgram.Ours);
        await using ServingShim runc = await ServingShim.StartAsync(session, ShimProgram.Runc);
        await ours.RunContainerAsync();
        await runc.RunContainerAsync();
        foreach ((string method, Func<ServingShim, IMessage> request) in ((string, Func<ServingShim, IMessage>)[])
            [("Connect", shim => new ConnectRequest { Id = shim.Id }),
                ("State", shim => new StateRequest { Id = shim.Id })])
        {
            Session.Say($"rpc: {rounds} rounds of {calls} calls of {method} to each shim in turn, one at a time and 8");
            Measure(session, method, 1, rounds, calls, (ours, request(ours)), (runc, request(runc)));
            Measure(session, method, 8, rounds, calls, (ours, request(ours)), (runc, request(runc)));
        }
        Compare(session, ours, 1);
        Compare(session, ours, 8);
        int questions = session.Times(200, 5);
        foreach ((string method, Func<ServingShim, IMessage> request, string command) in
            ((string, Func<ServingShim, IMessage>, string)[])
            [
                ("Stats", shim => new StatsRequest { Id = shim.Id }, "events --stats"),
                ("Pids", shim => new PidsRequest { Id = shim.Id }, "ps --format json"),
            ])
        {
            Session.Say(
                $"rpc: {rounds} rounds of {questions} calls of {method} to each shim in turn, and of runsc {command}");
            Measure(session, method, 1, rounds, questions, (ours, request(ours)), (runc, request(runc)));
            await MeasureCommandAsync(session, method, ours, command.Split(' '), session.Times(30, 2));
        }
        foreach (ServingShim shim in (ServingShim[])[ours, runc])
        {
            await shim.KillContainerAsync();
            await shim.ShutdownAsync();
        }
    }

    /// <summary>
    /// State beside Connect, the cheapest call there is. In turn and often, since a machine's speed varies.
    /// </summary>
    private static void Compare(Session session, ServingShim shim, int callers)
    {
        int rounds = session.Times(100, 2), calls = session.Times(500, 50);
        using RawClient connect = new(shim.Socket, shim.ServiceName, "Connect", new ConnectRequest { Id = shim.Id });
        using RawClient state = new(shim.Socket, shim.ServiceName, "State", new StateRequest { Id = shim.Id });
        List<double> ratios = [];
        for (int round = -1; round < rounds; round++)
        {
            session.Cancellation.ThrowIfCancellationRequested();
            Series connects = new(), states = new();
            Call(connect, callers, calls, connects);
            Call(state, callers, calls, states);
            if (round >= 0)
                ratios.Add(connects.CallsPerSecond[0] / states.CallsPerSecond[0]);
        }
        session.Report.Add($"State, {(callers == 1 ? "one" : callers)} at a time: its time divided by Connect's",
            "times", ShimProgram.Ours.Name,
            new Samples(ratios));
    }

    /// <summary>What it costs a shim to ask by running the command, as gVisor's own does.</summary>
    private static async Task MeasureCommandAsync(Session session, string method, ServingShim shim, string[] command,
        int rounds)
    {
        List<double> taken = [];
        string[] all = [$"--root={Path.Combine(Path.GetDirectoryName(shim.Bundle)!, "runtime/bench")}", .. command,
            shim.Id];
        for (int i = 0; i < rounds; i++)
        {
            session.Cancellation.ThrowIfCancellationRequested();
            long begin = Stopwatch.GetTimestamp();
            (await Command.RunAsync(Tools.Runsc, all)).Succeeded();
            taken.Add(Stopwatch.GetElapsedTime(begin).TotalMicroseconds);
        }
        session.Report.Add($"{method}, one at a time: time of a call, client included", "µs",
            $"runsc {string.Join(' ', command)}", new Samples(taken));
    }

    private static void Measure(
        Session session, string method, int callers, int rounds, int calls,
        (ServingShim Shim, IMessage Request) first, (ServingShim Shim, IMessage Request) second)
    {
        using RawClient a = Client(first.Shim), b = Client(second.Shim);
        Series ours = new(), runc = new();
        Call(a, callers, WarmUps, new Series());
        Call(b, callers, WarmUps, new Series());
        int oursPid = first.Shim.Pid, runcPid = second.Shim.Pid;
        TimeSpan oursBefore = ProcessFigures.ProcessorTime(oursPid), runcBefore = ProcessFigures.ProcessorTime(runcPid);
        for (int round = 0; round < rounds; round++)
        {
            session.Cancellation.ThrowIfCancellationRequested();
            Call(a, callers, calls, ours);
            Call(b, callers, calls, runc);
        }
        TimeSpan oursAfter = ProcessFigures.ProcessorTime(oursPid), runcAfter = ProcessFigures.ProcessorTime(runcPid);
        string by = callers == 1 ? "one at a time" : $"{callers} at a time";
        if (callers == 1)
        {
            session.Report.Add($"{method}, {by}: time of a call, client included", "µs", ShimProgram.Ours.Name,
                new Samples(ours.Microseconds));
            session.Report.Add($"{method}, {by}: time of a call, client included", "µs", ShimProgram.Runc.Name,
                new Samples(runc.Microseconds));
        }
        session.Report.Add($"{method}, {by}: throughput", "calls/s", ShimProgram.Ours.Name,
            new Samples(ours.CallsPerSecond));
        session.Report.Add($"{method}, {by}: throughput", "calls/s", ShimProgram.Runc.Name,
            new Samples(runc.CallsPerSecond));
        // A shim that sleeps between calls is woken for each; one that polls is not, and pays for it here.
        int total = rounds * calls;
        session.Report.Add($"{method}, {by}: processor time of the shim for a call", "µs", ShimProgram.Ours.Name,
            new Samples((oursAfter - oursBefore).TotalMicroseconds / total));
        session.Report.Add($"{method}, {by}: processor time of the shim for a call", "µs", ShimProgram.Runc.Name,
            new Samples((runcAfter - runcBefore).TotalMicroseconds / total));

        RawClient Client(ServingShim shim) =>
            new(shim.Socket, shim.ServiceName, method, shim == first.Shim ? first.Request : second.Request);
    }

    /// <summary>
    /// Callers that each call again as soon as they have their answer: as many requests are pending at a time.
    /// </summary>
    private static void Call(RawClient client, int callers, int calls, Series series)
    {
        long begin = Stopwatch.GetTimestamp();
        for (int i = 1; i < callers; i++)
            client.Send();
        for (int i = 0; i < calls; i++)
        {
            long sent = Stopwatch.GetTimestamp();
            client.Send();
            client.Receive();
            series.Microseconds.Add(Stopwatch.GetElapsedTime(sent).TotalMicroseconds);
        }
        series.CallsPerSecond.Add(calls / Stopwatch.GetElapsedTime(begin).TotalSeconds);
        for (int i = 1; i < callers; i++)
            client.Receive();
    }

    private sealed class Series
    {
        public List<double> Microseconds { get; } = [];

        public List<double> CallsPerSecond { get; } = [];
    }
}
