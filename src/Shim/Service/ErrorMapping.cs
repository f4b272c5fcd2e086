using Google.Protobuf;
using Grpc.Core;
using Shim.Checkpoints;
using Shim.Configuration;
using Shim.Runsc;
using Shim.Volumes;

namespace Shim.Service;

/// <summary>Turns the shim's exceptions into gRPC statuses; containerd decides by their codes.</summary>
/// <remarks>
/// A message ends in containerd's own word for the code (<c>errdefs</c>), as its users know it and as clients that see
/// only the text look for it.
/// </remarks>
internal static class ErrorMapping
{
    /// <summary>The status for an exception, or null if it is not one of the shim's own.</summary>
    public static RpcException? ToStatus(Exception exception) => exception switch
    {
        RefusedException e => Status(CodeOf(e.Refusal), e.Message),
        CheckpointException e => Status(CodeOf(e.Fault), e.Message),
        RunscException e => Status(CodeOf(e.Failure), e.Message),
        ConfigurationException or VolumeException or FormatException or InvalidProtocolBufferException =>
            Status(StatusCode.InvalidArgument, exception.Message),
        IOException or UnauthorizedAccessException => Status(StatusCode.Unknown, exception.Message),
        _ => null,
    };

    private static StatusCode CodeOf(Refusal refusal) => refusal switch
    {
        Refusal.NotFound => StatusCode.NotFound,
        Refusal.AlreadyExists => StatusCode.AlreadyExists,
        Refusal.WrongState => StatusCode.FailedPrecondition,
        Refusal.InvalidArgument => StatusCode.InvalidArgument,
        Refusal.GivenUp => StatusCode.Cancelled,
        _ => StatusCode.Unimplemented,
    };

    private static StatusCode CodeOf(CheckpointFault fault) => fault switch
    {
        CheckpointFault.Exists => StatusCode.AlreadyExists,
        CheckpointFault.DoesNotFit => StatusCode.FailedPrecondition,
        _ => StatusCode.InvalidArgument,
    };

    private static StatusCode CodeOf(RunscFailure failure) => failure switch
    {
        RunscFailure.NotFound => StatusCode.NotFound,
        RunscFailure.WrongState => StatusCode.FailedPrecondition,
        RunscFailure.TimedOut => StatusCode.DeadlineExceeded,
        RunscFailure.Unsupported => StatusCode.Unimplemented,
        _ => StatusCode.Unknown,
    };

    private static RpcException Status(StatusCode code, string message) => new(new Status(code,
        WordFor(code) is { } word && !message.EndsWith(word, StringComparison.Ordinal) ? $"{message}: {word}"
            : message));

    /// <summary>What <c>errdefs</c> calls the code; null for an unknown error, to which it adds nothing.</summary>
    private static string? WordFor(StatusCode code) => code switch
    {
        StatusCode.NotFound => "not found",
        StatusCode.AlreadyExists => "already exists",
        StatusCode.FailedPrecondition => "failed precondition",
        StatusCode.InvalidArgument => "invalid argument",
        StatusCode.Unimplemented => "not implemented",
        StatusCode.Cancelled => "context canceled",
        StatusCode.DeadlineExceeded => "context deadline exceeded",
        _ => null,
    };
}
