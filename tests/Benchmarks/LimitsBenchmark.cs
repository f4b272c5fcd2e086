using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Containerd.Api.Tasks;
using Linux;
using Testing;
using Task = System.Threading.Tasks.Task;

namespace Benchmarks;

/// <summary>
/// What limits leave a container: the processor time that it gets under a quota, and the memory that it can fill before
/// it is killed.
/// </summary>
internal static class LimitsBenchmark
{
    private const int QuotaPercent = 20, PeriodMicroseconds = 100_000, MemoryMiB = 128;

    public static async Task RunAsync(Session session)
    {
        int rounds = session.Times(5, 1), seconds = session.Times(10, 1);
        Session.Say($"limits: {rounds} rounds of a loop under a quota of {QuotaPercent} % for {seconds} s, and of a "
            + $"container that fills its {MemoryMiB} MiB, with each shim in turn");
        foreach (ShimProgram program in (ShimProgram[])[ShimProgram.Ours, ShimProgram.Runc])
        {
            List<double> percent = [], filled = [];
            for (int round = 0; round < rounds; round++)
            {
                percent.Add(await MeasureQuotaAsync(session, program, seconds));
                filled.Add(await MeasureMemoryAsync(session, program));
            }
            session.Report.Add($"processor time under a quota of {QuotaPercent} % of one", "%", program.Name,
                new Samples(percent));
            session.Report.Add($"memory that a container with a limit of {MemoryMiB} MiB fills until it is killed",
                "MiB", program.Name, new Samples(filled));
        }
    }

    private static async Task<double> MeasureQuotaAsync(Session session, ShimProgram program, int seconds)
    {
        await using ServingShim shim = await StartAsync(session, program, new JsonObject
        {
            ["cpu"] = new JsonObject
            {
                ["quota"] = QuotaPercent * PeriodMicroseconds / 100,
                ["period"] = PeriodMicroseconds,
            },
        });
        await shim.CreateContainerAsync("", "", ["sh", "-c", "while :; do :; done"]);
        await shim.Tasks.StartAsync(new StartRequest { Id = shim.Id }, shim.Bounded);
        Cgroup group = Cgroup.AtPath(CgroupHierarchies.Read(), $"{ContainerCgroups.Parent}/{shim.Id}");
        ulong before = CgroupCpu.Read(group)!.Total;
        long begin = Stopwatch.GetTimestamp();
        await Task.Delay(TimeSpan.FromSeconds(seconds), session.Cancellation);
        double used = CgroupCpu.Read(group)!.Total - before;
        double percent = 100 * used / Stopwatch.GetElapsedTime(begin).TotalNanoseconds;
        await shim.KillContainerAsync();
        await shim.ShutdownAsync();
        return percent;
    }

    private static async Task<double> MeasureMemoryAsync(Session session, ShimProgram program)
    {
        await using ServingShim shim = await StartAsync(session, program, new JsonObject
        {
            ["memory"] = new JsonObject { ["limit"] = (long)MemoryMiB << 20 },
        });
        string output = Path.Combine(Path.GetDirectoryName(shim.Bundle)!, "output");
        NativeCalls.CreateFifo(output);
        Task<string[]> lines = Task.Run(() => File.ReadAllLines(output));
        // The runc shim opens both.
        using var errors = new FifoReader($"{output}.errors");
        // /dev is a tmpfs. Each MiB that is there is counted; the first that is not ends the container.
        await shim.CreateContainerAsync(output, $"{output}.errors", ["sh", "-c",
            "i=0; while i=$((i+1)); dd if=/dev/zero of=/dev/$i bs=1M count=1 2>/dev/null && echo $i; do :; done"]);
        await shim.Tasks.StartAsync(new StartRequest { Id = shim.Id }, shim.Bounded);
        await shim.Tasks.WaitAsync(new WaitRequest { Id = shim.Id }, shim.Bounded);
        await shim.Tasks.DeleteAsync(new DeleteRequest { Id = shim.Id }, shim.Bounded);
        await shim.ShutdownAsync();
        return double.Parse((await lines)[^1], CultureInfo.InvariantCulture);
    }

    private static async Task<ServingShim> StartAsync(Session session, ShimProgram program, JsonObject resources)
    {
        ServingShim shim = await ServingShim.StartAsync(session, program);
        string path = Path.Combine(shim.Bundle, "config.json");
        JsonNode spec = JsonNode.Parse(await File.ReadAllTextAsync(path))!;
        spec["linux"]!["resources"] = resources;
        await File.WriteAllTextAsync(path, spec.ToJsonString());
        return shim;
    }
}
