namespace Ttrpc;

/// <summary>
/// Why a connection ended. The first reason stays. <see cref="TtrpcCloseReasonText.Describe"/> puts it into words.
/// </summary>
public enum TtrpcCloseReason
{
    /// <summary>It has not ended.</summary>
    None,

    /// <summary>The peer closed its end.</summary>
    PeerClosed,

    /// <summary>Reading failed.</summary>
    ReadFailed,

    /// <summary>Writing failed.</summary>
    WriteFailed,

    /// <summary>The server shut down after all calls had ended.</summary>
    Shutdown,

    /// <summary>The server shut down and calls were still running when its bound had passed.</summary>
    ShutdownBoundPassed,

    /// <summary>The channel or server was disposed of.</summary>
    Disposed,

    /// <summary>The peer runs as another user.</summary>
    ForeignUser,

    /// <summary>The peer does not read and answers piled up.</summary>
    UnsentOverflow,

    /// <summary>A client has used up its 2^31 stream numbers.</summary>
    StreamIdsExhausted,

    /// <summary>A frame of a type that the protocol does not have, or that the other side must not send.</summary>
    UnexpectedFrameType,

    /// <summary>A client used an even stream number.</summary>
    EvenStreamId,

    /// <summary>A client opened a stream whose number is not above the last one's.</summary>
    StreamIdNotIncreasing,

    /// <summary>A frame on a stream that was never opened.</summary>
    UnopenedStream,

    /// <summary>A request frame does not hold a <c>ttrpc.Request</c>.</summary>
    MalformedRequest,

    /// <summary>A response frame does not hold a <c>ttrpc.Response</c>.</summary>
    MalformedResponse,

    /// <summary>Data came on the stream of a unary call.</summary>
    DataOnUnaryStream,

    /// <summary>The connection's own code failed: a bug here.</summary>
    InternalError,
}

/// <summary>The words for a <see cref="TtrpcCloseReason"/>.</summary>
public static class TtrpcCloseReasonText
{
    /// <summary>One clause, without a full stop, for log lines and errors.</summary>
    public static string Describe(this TtrpcCloseReason reason) => reason switch
    {
        TtrpcCloseReason.None => "open",
        TtrpcCloseReason.PeerClosed => "peer closed the connection",
        TtrpcCloseReason.ReadFailed => "reading failed",
        TtrpcCloseReason.WriteFailed => "writing failed",
        TtrpcCloseReason.Shutdown => "server shut down",
        TtrpcCloseReason.ShutdownBoundPassed => "server shut down before all calls had ended",
        TtrpcCloseReason.Disposed => "closed on this side",
        TtrpcCloseReason.ForeignUser => "peer runs as another user",
        TtrpcCloseReason.UnsentOverflow => "peer does not read its answers",
        TtrpcCloseReason.StreamIdsExhausted => "all stream numbers are used up",
        TtrpcCloseReason.UnexpectedFrameType => "unexpected frame type",
        TtrpcCloseReason.EvenStreamId => "even stream number",
        TtrpcCloseReason.StreamIdNotIncreasing => "stream number not above the last one",
        TtrpcCloseReason.UnopenedStream => "frame on a stream that was never opened",
        TtrpcCloseReason.MalformedRequest => "malformed request",
        TtrpcCloseReason.MalformedResponse => "malformed response",
        TtrpcCloseReason.DataOnUnaryStream => "data on the stream of a unary call",
        _ => "internal error",
    };
}
