using System.Text.Json;

namespace Shim.Runsc;

/// <summary>What a sandbox says a container uses. Times in nanoseconds, sizes in bytes; what it leaves out is 0.</summary>
internal sealed record RunscStats
{
    /// <summary>CPU time: total, and its parts where the sandbox tells them.</summary>
    public ulong CpuTotal { get; init; }

    /// <summary>CPU time spent in the kernel.</summary>
    public ulong CpuKernel { get; init; }

    /// <summary>CPU time spent in user mode.</summary>
    public ulong CpuUser { get; init; }

    /// <summary>CPU time by processor.</summary>
    public IReadOnlyList<ulong> CpuPerProcessor { get; init; } = [];

    /// <summary>Memory of the page cache.</summary>
    public ulong MemoryCache { get; init; }

    /// <summary>Memory in use.</summary>
    public ulong MemoryUsage { get; init; }

    /// <summary>The memory limit; 0: none known.</summary>
    public ulong MemoryLimit { get; init; }

    /// <summary>The most memory that was in use.</summary>
    public ulong MemoryMax { get; init; }

    /// <summary>How often the memory limit was hit.</summary>
    public ulong MemoryFailures { get; init; }

    /// <summary>Number of processes.</summary>
    public ulong PidsCurrent { get; init; }

    /// <summary>The limit of processes; 0: none.</summary>
    public ulong PidsLimit { get; init; }

    /// <summary>The sandbox's network interfaces.</summary>
    public IReadOnlyList<RunscNetworkInterface> Interfaces { get; init; } = [];

    /// <summary>Reads the line that <c>runsc events --stats</c> prints.</summary>
    /// <exception cref="JsonException">It is not the JSON that was expected.</exception>
    public static RunscStats Parse(ReadOnlyMemory<byte> line)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        return OfStats(document.RootElement);
    }

    /// <summary>Reads what the sandbox answers to <c>Event</c>, and does what <c>runsc events</c> does with it.</summary>
    /// <remarks>
    /// The processor time of all containers is that of the sandbox's cgroup, which counts what the kernel in the sandbox
    /// uses for them, too. It is shared out as the sandbox says that they use it; evenly, where it says of none.
    /// </remarks>
    /// <param name="answer">The answer.</param>
    /// <param name="id">The container.</param>
    /// <param name="cpuOfSandbox">The processor time of the sandbox's own cgroup; null where it has none.</param>
    /// <exception cref="JsonException">It is not the JSON that was expected.</exception>
    public static RunscStats OfEvent(JsonElement answer, string id, ulong? cpuOfSandbox)
    {
        JsonElement told = Child(answer, "event");
        if (Child(told, "data").ValueKind != JsonValueKind.Object)
            throw new JsonException("there is no event with data");
        RunscStats stats = OfStats(told);
        JsonElement usage = Child(answer, "containerUsage");
        if (usage.ValueKind != JsonValueKind.Object)
            return stats;
        UInt128 own = 0, all = 0, count = 0;
        foreach (JsonProperty container in usage.EnumerateObject())
        {
            ulong used = container.Value.ValueKind == JsonValueKind.Number && container.Value.TryGetUInt64(out ulong value) ? value : 0;
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
            Interfaces = RunscNetworkInterface.ParseAll(Child(data, "network_interfaces")),
        };
    }

    internal static JsonElement Child(JsonElement of, string name) =>
        of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out JsonElement child) ? child : default;

    internal static ulong Number(JsonElement of, string name) =>
        Child(of, name) is { ValueKind: JsonValueKind.Number } child && child.TryGetUInt64(out ulong value) ? value : 0;

    private static List<ulong> Numbers(JsonElement array)
    {
        List<ulong> numbers = [];
        if (array.ValueKind == JsonValueKind.Array)
            foreach (JsonElement element in array.EnumerateArray())
                numbers.Add(element.TryGetUInt64(out ulong value) ? value : 0);
        return numbers;
    }
}
