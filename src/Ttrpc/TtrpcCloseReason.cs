namespace Ttrpc;

/// <summary>Why a connection closed. Only the first reason is kept.</summary>
public enum TtrpcCloseReason
{
    /// <summary>The connection is open.</summary>
    None,

    /// <summary>The peer closed the connection.</summary>
    PeerClosed,

    /// <summary>A read failed.</summary>
    ReadFailed,

    /// <summary>A write failed.</summary>
    WriteFailed,

    /// <summary>The server shut down after all calls had ended.</summary>
    Shutdown,

    /// <summary>The server shut down and calls were still running at its drain timeout.</summary>
    ShutdownTimedOut,

    /// <summary>The channel or server was disposed.</summary>
    Disposed,

    /// <summary>The peer runs as another user.</summary>
    ForeignUser,

    /// <summary>The peer does not read, and too many responses are unsent.</summary>
    UnsentOverflow,

    /// <summary>A client has used all of its 2^31 stream ids.</summary>
    StreamIdsExhausted,

    /// <summary>A frame of an unknown type, or of a type that the peer must not send.</summary>
    UnexpectedFrameType,

    /// <summary>A client used an even stream id.</summary>
    EvenStreamId,

    /// <summary>A client opened a stream whose id is not greater than the previous one.</summary>
    StreamIdNotIncreasing,

    /// <summary>A frame on a stream that was never opened.</summary>
    UnopenedStream,

    /// <summary>The payload of a request frame is not a <c>ttrpc.Request</c>.</summary>
    MalformedRequest,

    /// <summary>The payload of a response frame is not a <c>ttrpc.Response</c>.</summary>
    MalformedResponse,

    /// <summary>A data frame on the stream of a unary call.</summary>
    DataOnUnaryStream,

    /// <summary>The connection's own code failed: a bug in this library.</summary>
    InternalError,
}

/// <summary>The text of a <see cref="TtrpcCloseReason"/>.</summary>
internal static class TtrpcCloseReasonText
{
    /// <summary>One clause without a full stop, for log lines and errors.</summary>
    public static string Describe(this TtrpcCloseReason reason) => reason switch
    {
        TtrpcCloseReason.None => "open",
        TtrpcCloseReason.PeerClosed => "peer closed the connection",
        TtrpcCloseReason.ReadFailed => "read failed",
        TtrpcCloseReason.WriteFailed => "write failed",
        TtrpcCloseReason.Shutdown => "server shut down",
        TtrpcCloseReason.ShutdownTimedOut => "server shut down while calls were still running",
        TtrpcCloseReason.Disposed => "closed locally",
        TtrpcCloseReason.ForeignUser => "peer runs as another user",
        TtrpcCloseReason.UnsentOverflow => "peer does not read its responses",
        TtrpcCloseReason.StreamIdsExhausted => "stream ids exhausted",
        TtrpcCloseReason.UnexpectedFrameType => "unexpected frame type",
        TtrpcCloseReason.EvenStreamId => "even stream id",
        TtrpcCloseReason.StreamIdNotIncreasing => "stream id not greater than the previous one",
        TtrpcCloseReason.UnopenedStream => "frame on a stream that was never opened",
        TtrpcCloseReason.MalformedRequest => "malformed request",
        TtrpcCloseReason.MalformedResponse => "malformed response",
        TtrpcCloseReason.DataOnUnaryStream => "data on the stream of a unary call",
        _ => "internal error",
    };
}
