using System.Diagnostics;
using Testing;

namespace Benchmarks;

/// <summary>How long containerd waits for a shim's address.</summary>
internal static class StartBenchmark
{
    public static async Task RunAsync(Session session)
    {
        const int WarmUps = 2;
        int rounds = session.Times(60, 3);
        Session.Say($"start: {rounds} rounds of each shim in turn");
        List<double> ours = [], runc = [], nothing = [];
        for (int round = -WarmUps; round < rounds; round++)
        {
            double[] taken = [await StartAsync(session, ShimProgram.Ours), await StartAsync(session, ShimProgram.Runc),
                await NothingAsync()];
            if (round < 0)
                continue;
            ours.Add(taken[0]);
            runc.Add(taken[1]);
            nothing.Add(taken[2]);
        }
        const string Measure = "start, until the address is read and the process has ended";
        session.Report.Add(Measure, "ms", ShimProgram.Ours.Name, new Samples(ours));
        session.Report.Add(Measure, "ms", ShimProgram.Runc.Name, new Samples(runc));
        session.Report.Add(Measure, "ms", "/bin/true, for comparison", new Samples(nothing));
    }

    private static async Task<double> StartAsync(Session session, ShimProgram program)
    {
        await using ServingShim shim = await ServingShim.StartAsync(session, program);
        await shim.ShutdownAsync();
        return shim.StartTime.TotalMilliseconds;
    }

    /// <summary>What this program itself needs to run a program: it is part of the other figures.</summary>
    private static async Task<double> NothingAsync()
    {
        long begin = Stopwatch.GetTimestamp();
        (await Command.RunAsync("/bin/true", [])).Succeeded();
        return Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
    }
}
