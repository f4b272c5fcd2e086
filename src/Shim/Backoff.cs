namespace Shim;

/// <summary>Pauses between attempts, which grow.</summary>
internal static class Backoff
{
    /// <summary>The next pause: twice as long, up to the longest.</summary>
    public static TimeSpan Next(TimeSpan pause, TimeSpan longest) => pause * 2 < longest ? pause * 2 : longest;
}
