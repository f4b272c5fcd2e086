namespace Shim.Checkpoints;

/// <summary>What is wrong with an image, or with what is asked of it.</summary>
internal enum CheckpointFault
{
    /// <summary>There is an image already where one is to be written.</summary>
    Exists,

    /// <summary>There is no image, or none may be there.</summary>
    Invalid,

    /// <summary>The image does not fit what is to be restored from it, or the node does not take it now.</summary>
    DoesNotFit,
}

/// <summary>An image cannot be written or restored. The message names its directory and says what to do.</summary>
internal sealed class CheckpointException(CheckpointFault fault, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>What is wrong.</summary>
    public CheckpointFault Fault { get; } = fault;
}
