using Testing;

namespace Benchmarks;

/// <summary>
/// An exec that does nothing, in a running container: through this shim and with runsc alone.
/// </summary>
internal static class ExecBenchmark
{
    public static async Task RunAsync(Session session)
    {
        const int WarmUps = 3;
        int rounds = session.Times(100, 3);
        Session.Say($"exec: {rounds} rounds of an exec of true in turn: raw runsc, this shim, containerd's runc shim");
        await using ServingShim ours = await ServingShim.StartAsync(session, ShimProgram.Ours);
        await using ServingShim runc = await ServingShim.StartAsync(session, ShimProgram.Runc);
        await ours.RunContainerAsync();
        await runc.RunContainerAsync();
        string[] raw =
        [
            .. RawRunsc.Global(ours.Bundle, Path.Combine(Path.GetDirectoryName(ours.Bundle)!, "runtime/bench")),
                "exec", ours.Id, "true",
        ];
        await using Daemon daemon = await Daemon.StartAsync(Tools.NewestContainerd);
        using var containerd = new ContainerdClient(daemon);
        (await daemon.CtrAsync(daemon.Run("exec", ["-d"], "sleep", "1000"))).Succeeded();
        string process = OciProcess.Of("true").ToJsonString();
        List<double>[] taken = [[], [], [], []];
        for (int round = -WarmUps; round < rounds; round++)
        {
            session.Cancellation.ThrowIfCancellationRequested();
            double[] times =
            [
                await Session.TimeAsync(async () => (await Command.RunAsync(raw[0], raw[1..])).Succeeded()),
                await Session.TimeAsync(() => ours.ExecAsync($"e{round + WarmUps}")),
                await Session.TimeAsync(async () =>
                    RequireZero(await containerd.ExecAsync("exec", $"e{round + WarmUps}", process))),
                await Session.TimeAsync(() => runc.ExecAsync($"e{round + WarmUps}")),
            ];
            for (int i = 0; round >= 0 && i < times.Length; i++)
                taken[i].Add(times[i]);
        }
        const string Measure = "exec of true in a running container, from Exec to Delete";
        session.Report.Add(Measure, "ms", "runsc exec, no shim", new Samples(taken[0]));
        session.Report.Add(Measure, "ms", ShimProgram.Ours.Name, new Samples(taken[1]));
        session.Report.Add(Measure, "ms", "containerd with this shim", new Samples(taken[2]));
        session.Report.Add(Measure, "ms", ShimProgram.Runc.Name, new Samples(taken[3]));
        List<double> reported = [];
        for (int i = 0; i < session.Times(50, 3); i++)
            reported.Add((await ours.TimeExecEndAsync($"end{i}")).TotalMilliseconds);
        session.Report.Add("an exec's exit, reported after its process has ended", "ms", ShimProgram.Ours.Name,
            new Samples(reported));
        (await daemon.CtrAsync("tasks", "kill", "-s", "KILL", "exec")).Succeeded();
        foreach (ServingShim shim in (ServingShim[])[ours, runc])
        {
            await shim.KillContainerAsync();
            await shim.ShutdownAsync();
        }
    }

    private static void RequireZero(uint status)
    {
        if (status != 0)
            throw new InvalidOperationException($"true ended with exit status {status}");
    }
}
