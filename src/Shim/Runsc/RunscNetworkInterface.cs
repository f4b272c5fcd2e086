using System.Text.Json;

namespace Shim.Runsc;

/// <summary>The counters of one network interface of a sandbox, in bytes and packets.</summary>
internal sealed record RunscNetworkInterface(
    string Name,
    ulong RxBytes, ulong RxPackets, ulong RxErrors, ulong RxDropped,
    ulong TxBytes, ulong TxPackets, ulong TxErrors, ulong TxDropped)
{
    /// <summary>IFNAMSIZ, with its final NUL.</summary>
    private const int LongestName = 15;

    internal static List<RunscNetworkInterface> ParseAll(JsonElement array, int most)
    {
        List<RunscNetworkInterface> interfaces = [];
        if (array.ValueKind != JsonValueKind.Array)
            return interfaces;
        foreach (JsonElement element in array.EnumerateArray())
        {
            if (interfaces.Count == most)
                break;
            interfaces.Add(Parse(element));
        }
        return interfaces;
    }

    private static RunscNetworkInterface Parse(JsonElement element)
    {
        string name =
            RunscStats.Child(element, "Name") is { ValueKind: JsonValueKind.String } text ? text.GetString()! : "";
        return new RunscNetworkInterface(
            name.Length > LongestName ? name[..LongestName] : name,
            Counter("RxBytes"), Counter("RxPackets"), Counter("RxErrors"), Counter("RxDropped"),
            Counter("TxBytes"), Counter("TxPackets"), Counter("TxErrors"), Counter("TxDropped"));

        ulong Counter(string counter) => RunscStats.Number(element, counter);
    }
}
