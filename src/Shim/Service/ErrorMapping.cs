using Google.Protobuf;
using Grpc.Core;
using Shim.Checkpoints;
using Shim.Configuration;
using Shim.Runsc;
using Shim.Volumes;

namespace Shim.Service;

/// <summary>Turns the shim's exceptions into grpc statuses; containerd decides by their codes.</summary>
internal static class ErrorMapping
{
    /// <summary>The status for <paramref name="error"/>, or null where it is not one of the shim's own.</summary>
    /// <param name="error">What it threw.</param>
    public static RpcException? ToStatus(Exception error) => error switch
    {
        RefusedException e => Status(e.Refusal switch
        {
            Refusal.NotFound => StatusCode.NotFound,
            Refusal.AlreadyExists => StatusCode.AlreadyExists,
            Refusal.WrongState => StatusCode.FailedPrecondition,
            Refusal.InvalidArgument => StatusCode.InvalidArgument,
            _ => StatusCode.Unimplemented,
        }, e.Message),
        CheckpointException e => Status(e.Fault switch
        {
            CheckpointFault.Exists => StatusCode.AlreadyExists,
            CheckpointFault.DoesNotFit => StatusCode.FailedPrecondition,
            _ => StatusCode.InvalidArgument,
        }, e.Message),
        ConfigurationException e => Status(StatusCode.InvalidArgument, e.Message),
        VolumeException e => Status(StatusCode.InvalidArgument, e.Message),
        FormatException e => Status(StatusCode.InvalidArgument, e.Message),
        InvalidProtocolBufferException e => Status(StatusCode.InvalidArgument, e.Message),
        RunscException e => Status(e.Failure switch
        {
            RunscFailure.NotFound => StatusCode.NotFound,
            RunscFailure.WrongState => StatusCode.FailedPrecondition,
            RunscFailure.TimedOut => StatusCode.DeadlineExceeded,
            RunscFailure.Unsupported => StatusCode.Unimplemented,
            _ => StatusCode.Unknown,
        }, e.Message),
        IOException or UnauthorizedAccessException => Status(StatusCode.Unknown, error.Message),
        _ => null,
    };

    private static RpcException Status(StatusCode code, string message) => new(new Status(code, message));
}
