namespace Shim;

/// <summary>Why a request is refused; the service turns it into a gRPC code.</summary>
internal enum Refusal
{
    /// <summary>There is no such container or process.</summary>
    NotFound,

    /// <summary>The name is taken.</summary>
    AlreadyExists,

    /// <summary>The container's state does not allow it.</summary>
    WrongState,

    /// <summary>The request is invalid.</summary>
    InvalidArgument,

    /// <summary>Nobody waits for the result any more.</summary>
    GivenUp,

    /// <summary>This shim or the installed runsc does not support it.</summary>
    Unsupported,
}

/// <summary>A request was refused. The message names the container and says why.</summary>
internal sealed class RefusedException(Refusal refusal, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>Why.</summary>
    public Refusal Refusal { get; } = refusal;
}
