using System.Text.Json;
using Shim.Runsc;

namespace Fuzz;

/// <summary>The answers of a sandbox on its control socket.</summary>
internal static class SandboxTarget
{

    public static void Run(byte[] input)
    {
        try
        {
            int end = new JsonObjectEnd().Find(input);
            Target.Require(end == FindBytewise(input), "the end is the same however the answer arrives");
            if (end == 0)
                return;
            SandboxAnswer answer = SandboxAnswer.Parse(input.AsSpan(0, end));
            if (answer.Success)
                Read(input.AsMemory(0, end)[answer.Result]);
            else
                RunscTarget.RequireShown(RunscLog.Refusal($"Wait: {answer.Error}").Message);
        }
        catch (JsonException)
        {
        }
    }

    private static void Read(ReadOnlyMemory<byte> result)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(result);
            RequireBounded(RunscStats.OfEvent(document.RootElement, "web", 12345));
        }
        // SandboxControl takes all of these for an invalid answer.
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException
            or FormatException)
        {
        }
    }

    /// <summary>Statistics that containerd keeps.</summary>
    public static void RequireBounded(RunscStats stats)
    {
        Target.Require(stats.Interfaces.Count <= 64 && stats.CpuPerProcessor.Count <= 1024, "lists are bounded");
        Target.Require(stats.Interfaces.All(static each => each.Name.Length < 16), "names are bounded");
    }

    private static int FindBytewise(byte[] input)
    {
        var end = new JsonObjectEnd();
        for (int i = 0; i < input.Length; i++)
            if (end.Find(input.AsSpan(i, 1)) > 0)
                return i + 1;
        return 0;
    }
}
