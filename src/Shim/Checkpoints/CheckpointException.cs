namespace Shim.Checkpoints;

/// <summary>What is wrong with an image, or with a request for one.</summary>
internal enum CheckpointFault
{
    /// <summary>The directory that an image is to be written to already holds one.</summary>
    Exists,

    /// <summary>The path is not allowed, or there is no valid image there.</summary>
    Invalid,

    /// <summary>The image does not fit what is to be restored from it, or the node's state prevents it.</summary>
    DoesNotFit,
}

/// <summary>An image cannot be written or restored. The message names its directory and says what to do.</summary>
internal sealed class CheckpointException(CheckpointFault fault, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>What is wrong.</summary>
    public CheckpointFault Fault { get; } = fault;
}
