using System.Diagnostics;
using Containerd.Api.Tasks;
using Testing;
using Task = System.Threading.Tasks.Task;

namespace Benchmarks;

/// <summary>The whole life of a container that does nothing, with and without containerd and shims.</summary>
internal static class RunBenchmark
{
    public static async Task RunAsync(Session session)
    {
        const int WarmUps = 1;
        int rounds = session.Times(15, 2);
        Session.Say(
            $"run: {rounds} rounds of a whole container in turn:"
            + $" raw runsc, this shim, ctr with this shim, the runc shim");
        await using Daemon daemon = await Daemon.StartAsync(Tools.NewestContainerd);
        await using CtrBundle bundle = await CtrBundle.MakeAsync(session, daemon);
        List<double> raw = [], ours = [], ctr = [], runc = [];
        Phases phases = new();
        for (int round = -WarmUps; round < rounds; round++)
        {
            Phases kept = round < 0 ? new Phases() : phases;
            double[] taken =
            [
                await RawAsync(session, bundle),
                await ThroughShimAsync(session, ShimProgram.Ours, kept),
                await ThroughCtrAsync(session, daemon),
                await ThroughShimAsync(session, ShimProgram.Runc, new Phases()),
            ];
            await RawStepsAsync(session, bundle, kept);
            if (round < 0)
                continue;
            raw.Add(taken[0]);
            ours.Add(taken[1]);
            ctr.Add(taken[2]);
            runc.Add(taken[3]);
        }
        const string Measure = "a container that runs true, from nothing to nothing";
        session.Report.Add(Measure, "ms", "runsc run, no shim", new Samples(raw));
        session.Report.Add(Measure, "ms", ShimProgram.Ours.Name, new Samples(ours));
        session.Report.Add(Measure, "ms", "ctr run --rm, this shim", new Samples(ctr));
        session.Report.Add(Measure, "ms", ShimProgram.Runc.Name, new Samples(runc));
        foreach ((string phase, List<double> taken) in phases.Taken)
            session.Report.Add("parts of it through this shim, and what of them is runsc", "ms", phase,
                new Samples(taken), compared: false);
    }

    private static async Task<double> RawAsync(Session session, CtrBundle bundle)
    {
        session.Cancellation.ThrowIfCancellationRequested();
        string[] command = RawRunsc.Run(bundle.Path, Path.Combine(session.Directory, "runsc"), session.NewId());
        long begin = Stopwatch.GetTimestamp();
        (await Command.RunAsync(command[0], command[1..])).Succeeded();
        return Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
    }

    /// <summary>The least that Create and Start take with any shim.</summary>
    private static async Task RawStepsAsync(Session session, CtrBundle bundle, Phases phases)
    {
        session.Cancellation.ThrowIfCancellationRequested();
        string id = session.NewId();
        string[] runsc = RawRunsc.Global(bundle.Path, Path.Combine(session.Directory, "runsc"));
        // The sandbox keeps create's output open, and a pipe to here would not end before it.
        await phases.TimeAsync("runsc create, no shim",
            () => StepAsync(["/bin/sh", "-c", "exec \"$@\" >/dev/null 2>&1", "sh", .. runsc, "create", "--bundle",
                bundle.Path, id]));
        await phases.TimeAsync("runsc start, no shim", () => StepAsync([.. runsc, "start", id]));
        await StepAsync([.. runsc, "delete", "--force", id]);

        static async Task StepAsync(params string[] command) =>
            (await Command.RunAsync(command[0], command[1..])).Succeeded();
    }

    private static async Task<double> ThroughCtrAsync(Session session, Daemon daemon)
    {
        session.Cancellation.ThrowIfCancellationRequested();
        string id = session.NewId();
        long begin = Stopwatch.GetTimestamp();
        (await daemon.CtrAsync(daemon.Run(id, ["--rm"], "true"))).Succeeded();
        return Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
    }

    /// <summary>
    /// From <c>start</c> until Delete is answered; the shim's own end, which nobody waits for, is not counted.
    /// </summary>
    private static async Task<double> ThroughShimAsync(Session session, ShimProgram program, Phases phases)
    {
        await using ServingShim shim = await ServingShim.StartAsync(session, program);
        phases.Add("start", shim.StartTime);
        long begin = Stopwatch.GetTimestamp();
        await phases.TimeAsync("Create", () => shim.CreateContainerAsync("", "", "true"));
        await phases.TimeAsync("Start",
            () => shim.Tasks.StartAsync(new StartRequest { Id = shim.Id }, shim.Bounded).ResponseAsync);
        await phases.TimeAsync("Wait",
            () => shim.Tasks.WaitAsync(new WaitRequest { Id = shim.Id }, shim.Bounded).ResponseAsync);
        await phases.TimeAsync("Delete",
            () => shim.Tasks.DeleteAsync(new DeleteRequest { Id = shim.Id }, shim.Bounded).ResponseAsync);
        double taken = (shim.StartTime + Stopwatch.GetElapsedTime(begin)).TotalMilliseconds;
        await shim.ShutdownAsync();
        return taken;
    }

    /// <summary>Where the time goes, step by step.</summary>
    private sealed class Phases
    {
        public Dictionary<string, List<double>> Taken { get; } = [];

        public void Add(string phase, TimeSpan taken)
        {
            if (!Taken.TryGetValue(phase, out List<double>? all))
                Taken.Add(phase, all = []);
            all.Add(taken.TotalMilliseconds);
        }

        public async Task TimeAsync(string phase, Func<Task> act)
        {
            long begin = Stopwatch.GetTimestamp();
            await act();
            Add(phase, Stopwatch.GetElapsedTime(begin));
        }
    }
}
