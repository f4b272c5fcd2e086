using System.Globalization;
using Testing;

namespace Benchmarks;

/// <summary>
/// How fast a container's output reaches the reader of its FIFO, and the CPU time of the shim for it.
/// </summary>
internal static class OutputBenchmark
{
    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(2);

    public static async Task RunAsync(Session session)
    {
        int rounds = session.Times(7, 1), mebibytes = session.Times(256, 32);
        Session.Say($"output: {rounds} rounds of {mebibytes} MiB through each shim and through raw runsc in turn");
        List<double> ours = [], oursProcessor = [], runc = [], runcProcessor = [], raw = [];
        for (int round = 0; round < rounds; round++)
        {
            (double speed, double processor) = await ThroughShimAsync(session, ShimProgram.Ours, mebibytes);
            ours.Add(speed);
            oursProcessor.Add(processor);
            raw.Add(await RawAsync(session, mebibytes));
            (speed, processor) = await ThroughShimAsync(session, ShimProgram.Runc, mebibytes);
            runc.Add(speed);
            runcProcessor.Add(processor);
        }
        session.Report.Add($"output of {mebibytes} MiB", "MiB/s", ShimProgram.Ours.Name, new Samples(ours));
        session.Report.Add($"output of {mebibytes} MiB", "MiB/s", "runsc run, no shim", new Samples(raw));
        session.Report.Add($"output of {mebibytes} MiB", "MiB/s", ShimProgram.Runc.Name, new Samples(runc));
        session.Report.Add("processor time of the shim for it", "ms", ShimProgram.Ours.Name,
            new Samples(oursProcessor));
        session.Report.Add("processor time of the shim for it", "ms", ShimProgram.Runc.Name,
            new Samples(runcProcessor));
    }

    private static async Task<(double Speed, double Processor)> ThroughShimAsync(Session session, ShimProgram program,
        int mebibytes)
    {
        await using ServingShim shim = await ServingShim.StartAsync(session, program);
        string stdout = Path.Combine(shim.Bundle, "stdout"), stderr = Path.Combine(shim.Bundle, "stderr");
        using var output = new FifoReader(stdout, (long)mebibytes << 20);
        using var errors = new FifoReader(stderr);
        await shim.CreateContainerAsync(stdout, stderr, Writer(mebibytes));
        int pid = shim.Pid;
        TimeSpan before = ProcessFigures.ProcessorTime(pid);
        await shim.Tasks.StartAsync(new Containerd.Api.Tasks.StartRequest { Id = shim.Id }, shim.Bounded);
        TimeSpan taken = await output.Received.WaitAsync(s_bound, session.Cancellation);
        TimeSpan processor = ProcessFigures.ProcessorTime(pid) - before;
        await shim.FinishContainerAsync();
        await shim.ShutdownAsync();
        return (mebibytes / taken.TotalSeconds, processor.TotalMilliseconds);
    }

    private static async Task<double> RawAsync(Session session, int mebibytes)
    {
        session.Cancellation.ThrowIfCancellationRequested();
        string id = session.NewId();
        string bundle = BundleWriter.Write(session.Directory, id, Writer(mebibytes));
        string path = Path.Combine(bundle, "stdout");
        using var output = new FifoReader(path, (long)mebibytes << 20);
        Task<CommandResult> running = Command.RunAsync("/bin/sh",
            ["-c", "exec \"$@\" >\"$0\"", path, .. RawRunsc.Run(bundle, Path.Combine(session.Directory, "runsc"), id)]);
        (await running).Succeeded();
        TimeSpan taken = await output.Received.WaitAsync(s_bound, session.Cancellation);
        return mebibytes / taken.TotalSeconds;
    }

    private static string[] Writer(int mebibytes) =>
        ["dd", "if=/dev/zero", "bs=64k", string.Create(CultureInfo.InvariantCulture, $"count={mebibytes * 16}")];
}
