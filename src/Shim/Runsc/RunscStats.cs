using System.Text.Json;

namespace Shim.Runsc;

/// <summary>
/// A container's statistics according to its sandbox. Times in nanoseconds, sizes in bytes; missing values are 0. Lists
/// that would be too long are cut, since containerd and its clients keep them.
/// </summary>
internal sealed record RunscStats
{
    private const int MostProcessors = 1024;
    private const int MostInterfaces = 64;

    /// <summary>Total CPU time. Its parts follow, if the sandbox reports them.</summary>
    public ulong CpuTotal { get; init; }

    /// <summary>CPU time spent in the kernel.</summary>
    public ulong CpuKernel { get; init; }

    /// <summary>CPU time spent in user mode.</summary>
    public ulong CpuUser { get; init; }

    /// <summary>CPU time by processor.</summary>
    public IReadOnlyList<ulong> CpuPerProcessor { get; init; } = [];

    /// <summary>Memory in the page cache.</summary>
    public ulong MemoryCache { get; init; }

    /// <summary>Memory in use.</summary>
    public ulong MemoryUsage { get; init; }

    /// <summary>The memory limit; 0: none is known.</summary>
    public ulong MemoryLimit { get; init; }

    /// <summary>The maximum memory usage so far.</summary>
    public ulong MemoryMax { get; init; }

    /// <summary>How often the memory limit was reached.</summary>
    public ulong MemoryFailures { get; init; }

    /// <summary>Number of processes.</summary>
    public ulong PidsCurrent { get; init; }

    /// <summary>The limit on processes; 0: none.</summary>
    public ulong PidsLimit { get; init; }

    /// <summary>The sandbox's network interfaces.</summary>
    public IReadOnlyList<RunscNetworkInterface> Interfaces { get; init; } = [];

    /// <summary>Reads the line that <c>runsc events --stats</c> prints.</summary>
    /// <exception cref="JsonException">It is not valid JSON.</exception>
    public static RunscStats Parse(ReadOnlyMemory<byte> line)
    {
        using JsonDocument document = JsonDocument.Parse(RunscOutput.Json(line));
        return OfStats(document.RootElement);
    }

    /// <summary>Reads the sandbox's answer to <c>Event</c> as <c>runsc events</c> does.</summary>
    /// <remarks>
    /// The CPU time of all containers together is that of the sandbox's cgroup, which includes what the sandbox's
    /// kernel uses for them. It is divided in proportion to the usage that the sandbox reports for each container, or
    /// evenly if it reports no usage.
    /// </remarks>
    /// <param name="answer">The answer.</param>
    /// <param name="id">The container.</param>
    /// <param name="cpuOfSandbox">The CPU time of the sandbox's own cgroup; null if it has none.</param>
    /// <exception cref="JsonException">The answer has no event with data.</exception>
    public static RunscStats OfEvent(JsonElement answer, string id, ulong? cpuOfSandbox)
    {
        JsonElement statistics = Child(answer, "event");
        if (Child(statistics, "data").ValueKind != JsonValueKind.Object)
            throw new JsonException("no event with data");
        RunscStats stats = OfStats(statistics);
        JsonElement usage = Child(answer, "containerUsage");
        if (usage.ValueKind != JsonValueKind.Object)
            return stats;
        UInt128 own = 0, all = 0, count = 0;
        foreach (JsonProperty container in usage.EnumerateObject())
        {
            ulong used = NumberOf(container.Value);
            all += used;
            count++;
            if (container.NameEquals(id))
                own = used;
        }
        if (count == 0)
            return stats;
        if (cpuOfSandbox is not (> 0 and var cpu))
            return stats with { CpuTotal = (ulong)own };
        return stats with { CpuTotal = (ulong)(all == 0 ? cpu / count : cpu * own / all) };
    }

    private static RunscStats OfStats(JsonElement root)
    {
        JsonElement data = Child(root, "data");
        JsonElement cpu = Child(Child(data, "cpu"), "usage");
        JsonElement memory = Child(data, "memory"), usage = Child(memory, "usage"), pids = Child(data, "pids");
        return new RunscStats
        {
            CpuTotal = Number(cpu, "total"),
            CpuKernel = Number(cpu, "kernel"),
            CpuUser = Number(cpu, "user"),
            CpuPerProcessor = Numbers(Child(cpu, "percpu")),
            MemoryCache = Number(memory, "cache"),
            MemoryUsage = Number(usage, "usage"),
            MemoryLimit = Number(usage, "limit"),
            MemoryMax = Number(usage, "max"),
            MemoryFailures = Number(usage, "failcnt"),
            PidsCurrent = Number(pids, "current"),
            PidsLimit = Number(pids, "limit"),
            Interfaces = RunscNetworkInterface.ParseAll(Child(data, "network_interfaces"), MostInterfaces),
        };
    }

    internal static JsonElement Child(JsonElement of, string name) =>
        of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out JsonElement child) ? child : default;

    internal static ulong Number(JsonElement of, string name) => NumberOf(Child(of, name));

    private static ulong NumberOf(JsonElement element) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetUInt64(out ulong value) ? value : 0;

    private static List<ulong> Numbers(JsonElement array)
    {
        List<ulong> numbers = [];
        if (array.ValueKind == JsonValueKind.Array)
            foreach (JsonElement element in array.EnumerateArray())
            {
                if (numbers.Count == MostProcessors)
                    break;
                numbers.Add(NumberOf(element));
            }
        return numbers;
    }
}
