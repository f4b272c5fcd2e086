using Grpc.Core;

namespace Ttrpc;

/// <summary>Why and by what a connection ended; made once, by the first to close it.</summary>
/// <param name="reason">The reason.</param>
/// <param name="error">What was thrown, if anything.</param>
/// <param name="header">The header of the frame that gave offence, if one did.</param>
internal sealed class Closure(TtrpcCloseReason reason, Exception? error = null, Wire.FrameHeader? header = null)
{
    /// <summary>The reason.</summary>
    public TtrpcCloseReason Reason => reason;

    /// <summary>Reason, offending frame and error in one clause.</summary>
    public string Describe()
    {
        string text = reason.Describe();
        if (header is { } frame)
            text += $" (frame type {(byte)frame.Type}, stream {frame.StreamId}, {frame.Length} bytes)";
        return error is null ? text : $"{text}: {error.Message}";
    }

    /// <summary>What a call that was under way, or is tried afterwards, fails with.</summary>
    public Status ToStatus() => new(StatusCode.Unavailable, $"ttrpc connection is closed: {Describe()}", error);
}
