namespace Shim.Containers;

/// <summary>What kind of refusal a <see cref="ContainerException"/> is; the service turns it into a grpc code.</summary>
public enum Refusal
{
    /// <summary>There is no such container or process.</summary>
    NotFound,

    /// <summary>There is one of this name already.</summary>
    AlreadyExists,

    /// <summary>It cannot be done in the state that the container is in.</summary>
    WrongState,

    /// <summary>What was asked makes no sense.</summary>
    InvalidArgument,

    /// <summary>It cannot be done with this runsc or by this shim.</summary>
    Unsupported,
}

/// <summary>A request about a container was refused. The message names the container and says why.</summary>
public sealed class ContainerException(Refusal refusal, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>What kind of refusal it is.</summary>
    public Refusal Refusal { get; } = refusal;
}
