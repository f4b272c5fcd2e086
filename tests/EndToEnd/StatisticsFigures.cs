using System.Text.Json;
using Containerd.Api.Tasks;
using Google.Protobuf.WellKnownTypes;
using Testing;
using V1 = Containerd.Api.Cgroups.V1;
using V2 = Containerd.Api.Cgroups.V2;

namespace EndToEnd;

/// <summary>What the shim's Stats answers, in the form of the node's cgroups.</summary>
/// <param name="Cpu">Nanoseconds.</param>
/// <param name="Memory">Bytes.</param>
/// <param name="Pids">Processes.</param>
/// <param name="Network">The name of the only interface.</param>
internal sealed record ShimFigures(ulong Cpu, ulong Memory, ulong Pids, string Network)
{
    public static async Task<ShimFigures> AskAsync(ShimHarness shim, string id)
    {
        Any stats = (await shim.Tasks.StatsAsync(new StatsRequest { Id = id })).Stats;
        if (stats.TypeUrl.Contains("v2", StringComparison.Ordinal))
        {
            V2.Metrics v2 = V2.Metrics.Parser.ParseFrom(stats.Value);
            return new ShimFigures(
                v2.Cpu.UsageUsec * 1000, v2.Memory.Usage, v2.Pids.Current, v2.Network.Single().Name);
        }
        V1.Metrics v1 = V1.Metrics.Parser.ParseFrom(stats.Value);
        return new ShimFigures(
            v1.Cpu.Usage.Total, v1.Memory.Usage.Usage, v1.Pids.Current, v1.Network.Single().Name);
    }
}

/// <summary>What <c>runsc events --stats</c> prints.</summary>
/// <param name="Cpu">Nanoseconds.</param>
/// <param name="Memory">Bytes.</param>
/// <param name="Pids">Processes.</param>
internal sealed record RunscFigures(ulong Cpu, ulong Memory, ulong Pids)
{
    public static async Task<RunscFigures> AskAsync(ShimHarness shim, string id)
    {
        using JsonDocument printed = JsonDocument.Parse((await Command.RunAsync(Tools.Runsc,
            ["--root", Path.Combine(shim.RunscRoot, "test"), "events", "--stats", id])).Succeeded());
        JsonElement data = printed.RootElement.GetProperty("data");
        return new RunscFigures(
            Number(data.GetProperty("cpu").GetProperty("usage"), "total"),
            Number(data.GetProperty("memory").GetProperty("usage"), "usage"),
            Number(data.GetProperty("pids"), "current"));

        // runsc leaves zeros out.
        static ulong Number(JsonElement of, string name) =>
            of.TryGetProperty(name, out JsonElement value) ? value.GetUInt64() : 0;
    }
}
