using System.Text.Json;

namespace Shim.Runsc;

/// <summary>What <c>runsc wait</c> prints: <c>{"id":…,"exitStatus":N}</c>.</summary>
internal static class RunscWaitAnswer
{
    /// <summary>The exit status.</summary>
    /// <exception cref="RunscException">The output has another form.</exception>
    public static int Parse(byte[] answer)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(RunscOutput.Json(answer));
            return document.RootElement.GetProperty("exitStatus"u8).GetInt32();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException
            or FormatException)
        {
            throw new RunscException(RunscFailure.Failed, $"runsc wait: unexpected output: {e.Message}", e);
        }
    }
}
