using Grpc.Core;

namespace Ttrpc;

/// <summary>Why a connection closed. Created once, by the first caller that closes it.</summary>
/// <param name="reason">The reason.</param>
/// <param name="error">The exception that closed the connection, if any.</param>
/// <param name="header">The header of the frame that violated the protocol, if any.</param>
internal sealed class CloseCause(TtrpcCloseReason reason, Exception? error = null, Wire.FrameHeader? header = null)
{
    /// <summary>The reason.</summary>
    public TtrpcCloseReason Reason => reason;

    /// <summary>Reason, violating frame and exception in one clause.</summary>
    public string Describe()
    {
        string text = reason.Describe();
        if (header is { } frame)
            text += $" (frame type {(byte)frame.Type}, stream {frame.StreamId}, {frame.Length} bytes)";
        return error is null ? text : $"{text}: {error.Message}";
    }

    /// <summary>The status of calls that were pending at the close or are started after it.</summary>
    public Status ToStatus() => new(StatusCode.Unavailable, $"ttrpc connection closed: {Describe()}", error);
}
