using System.Runtime.InteropServices;
using Benchmarks;
using Testing;

(string Name, Func<Session, Task> RunAsync)[] benchmarks =
[
    ("start", StartBenchmark.RunAsync),
    ("memory", MemoryBenchmark.RunAsync),
    ("rpc", RpcBenchmark.RunAsync),
    ("exec", ExecBenchmark.RunAsync),
    ("run", RunBenchmark.RunAsync),
    ("pod", PodBenchmark.RunAsync),
    ("checkpoint", CheckpointBenchmark.RunAsync),
    ("output", OutputBenchmark.RunAsync),
    ("rest", RestBenchmark.RunAsync),
    ("limits", LimitsBenchmark.RunAsync),
    ("scale", ScaleBenchmark.RunAsync),
];

BenchmarkOptions options;
try
{
    options = BenchmarkOptions.Parse(args);
    if (options.Only is { } only && !benchmarks.Any(benchmark => benchmark.Name == only))
        throw new FormatException($"unknown benchmark {only}");
}
catch (FormatException e)
{
    Console.Error.WriteLine($"{e.Message}\n{BenchmarkOptions.Usage}");
    return 2;
}
if (Environment.UserName != "root")
    return Fail("benchmarks run containers and need root");
foreach (string file in (string[])[ShimProgram.Ours.Binary, ShimProgram.Runc.Binary, Tools.Runsc, Tools.Image])
    if (!File.Exists(file))
        return Fail($"{file} is missing: ./build.sh build and ./build.sh tools make it");

using var interrupted = new CancellationTokenSource();
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
try
{
    await using var session = new Session(options, interrupted.Token);
    foreach ((string name, Func<Session, Task> runAsync) in benchmarks)
        if (options.Only is null || options.Only == name)
            await runAsync(session);
    Console.Write(session.Report.ToTable());
    if (options.Json is { } json)
        await File.WriteAllTextAsync(json, session.Report.ToJson());
    return 0;
}
catch (Exception) when (interrupted.IsCancellationRequested)
{
    return Fail("interrupted; everything is cleaned up");
}
catch (Exception e)
{
    return Fail(e.ToString());
}

void Interrupt(PosixSignalContext context)
{
    context.Cancel = true; // the program ends when it has cleaned up
    Session.Say($"{context.Signal}: cleaning up");
    interrupted.Cancel();
}

static int Fail(string message)
{
    Console.Error.WriteLine($"Benchmarks: {message}");
    return 1;
}
