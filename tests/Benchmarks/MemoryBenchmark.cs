namespace Benchmarks;

/// <summary>What a serving shim costs its node: a node has one for every pod.</summary>
internal static class MemoryBenchmark
{
    // A garbage collector, or Go's scavenger, may still run just after the last call.
    private static readonly TimeSpan s_settle = TimeSpan.FromSeconds(1);

    public static async Task RunAsync(Session session)
    {
        int count = session.Times(5, 1), execs = session.Times(1000, 20);
        Session.Say(
            $"memory: {count} of each shim at a time, each with a running container"
            + $"; then {execs} execs in one of each");
        List<ServingShim> ours = [], runc = [];
        try
        {
            for (int i = 0; i < count; i++)
            {
                ours.Add(await StartAsync(session, ShimProgram.Ours));
                runc.Add(await StartAsync(session, ShimProgram.Runc));
            }
            await Task.Delay(s_settle, session.Cancellation);
            Add(session, "with a running container", count, ours, runc);

            for (int i = 1; i <= execs; i++)
            {
                await ours[0].ExecAsync($"e{i}");
                await runc[0].ExecAsync($"e{i}");
                if (i % 100 == 0)
                    Session.Say($"memory: {i} execs");
            }
            await Task.Delay(s_settle, session.Cancellation);
            Add(session, $"after {execs} execs", count, ours[..1], runc[..1]);

            foreach (ServingShim shim in (List<ServingShim>)[.. ours, .. runc])
            {
                await shim.KillContainerAsync();
                await shim.ShutdownAsync();
            }
        }
        finally
        {
            foreach (ServingShim shim in (List<ServingShim>)[.. ours, .. runc])
                await shim.DisposeAsync();
        }
    }

    private static async Task<ServingShim> StartAsync(Session session, ShimProgram program)
    {
        ServingShim shim = await ServingShim.StartAsync(session, program);
        try
        {
            await shim.RunContainerAsync();
            return shim;
        }
        catch
        {
            await shim.DisposeAsync();
            throw;
        }
    }

    /// <param name="serving">How many of each shim share pages at the moment.</param>
    private static void Add(Session session, string when, int serving, List<ServingShim> ours, List<ServingShim> runc)
    {
        ProcessFigures[] first = [.. ours.Select(shim => ProcessFigures.Of(shim.Pid))];
        ProcessFigures[] second = [.. runc.Select(shim => ProcessFigures.Of(shim.Pid))];
        (string Name, string Unit, Func<ProcessFigures, double> Figure)[] measures =
        [
            ("resident memory (RSS)", "KiB", figures => figures.Resident),
            ($"proportional memory (PSS; {serving} of each shim)", "KiB", figures => figures.Proportional),
            ("private memory", "KiB", figures => figures.Private),
            ("anonymous memory", "KiB", figures => figures.Anonymous),
            ("threads", "number", figures => figures.Threads),
        ];
        foreach ((string name, string unit, Func<ProcessFigures, double> figure) in measures)
        {
            session.Report.Add($"{name}, {when}", unit, ShimProgram.Ours.Name, new Samples(first.Select(figure)));
            session.Report.Add($"{name}, {when}", unit, ShimProgram.Runc.Name, new Samples(second.Select(figure)));
        }
    }
}
