using Google.Protobuf;
using Grpc.Core;
using Linux;
using Shim.Checkpoints;
using Shim.Configuration;
using Shim.Runsc;
using Shim.Service;

namespace Shim.Tests.Service;

public sealed class ErrorMappingTests
{
    [Theory]
    [InlineData(Refusal.NotFound, StatusCode.NotFound, "not found")]
    [InlineData(Refusal.AlreadyExists, StatusCode.AlreadyExists, "already exists")]
    [InlineData(Refusal.WrongState, StatusCode.FailedPrecondition, "failed precondition")]
    [InlineData(Refusal.InvalidArgument, StatusCode.InvalidArgument, "invalid argument")]
    [InlineData(Refusal.Unsupported, StatusCode.Unimplemented, "not implemented")]
    internal void A_refusal_ends_in_containerds_word(Refusal refusal, StatusCode code, string word)
    {
        AssertStatus(code, $"because: {word}", new RefusedException(refusal, "because"));
        // Once, if the sentence itself ends so.
        AssertStatus(code, $"container web {word}", new RefusedException(refusal, $"container web {word}"));
    }

    [Theory]
    [InlineData(RunscFailure.Failed, StatusCode.Unknown, "")]
    [InlineData(RunscFailure.NotFound, StatusCode.NotFound, ": not found")]
    [InlineData(RunscFailure.WrongState, StatusCode.FailedPrecondition, ": failed precondition")]
    [InlineData(RunscFailure.TimedOut, StatusCode.DeadlineExceeded, ": context deadline exceeded")]
    [InlineData(RunscFailure.NotRunnable, StatusCode.Unknown, "")]
    [InlineData(RunscFailure.Unsupported, StatusCode.Unimplemented, ": not implemented")]
    internal void Failures_of_runsc(RunscFailure failure, StatusCode code, string end) =>
        AssertStatus(code, $"runsc said{end}", new RunscException(failure, "runsc said"));

    [Theory]
    [InlineData(CheckpointFault.Exists, StatusCode.AlreadyExists, "already exists")]
    [InlineData(CheckpointFault.Invalid, StatusCode.InvalidArgument, "invalid argument")]
    [InlineData(CheckpointFault.DoesNotFit, StatusCode.FailedPrecondition, "failed precondition")]
    internal void Faults_of_an_image(CheckpointFault fault, StatusCode code, string word) =>
        AssertStatus(code, $"image /i: {word}", new CheckpointException(fault, "image /i"));

    [Fact]
    public void Invalid_input_from_the_client()
    {
        AssertStatus(
            StatusCode.InvalidArgument, "conf:1: no: invalid argument", new ConfigurationException("conf:1: no"));
        AssertStatus(StatusCode.InvalidArgument, "stdio x: no: invalid argument", new FormatException("stdio x: no"));
        InvalidProtocolBufferException broken =
            Assert.Throws<InvalidProtocolBufferException>(() => Containerd.Api.Runc.Options.Parser.ParseFrom([0xff]));
        AssertStatus(StatusCode.InvalidArgument, $"{broken.Message}: invalid argument", broken);
    }

    [Fact]
    public void Errors_of_the_kernel_keep_their_words()
    {
        AssertStatus(StatusCode.Unknown, "open /f: No such file or directory (ENOENT)",
            new LinuxException(Errno.ENOENT, "open", "/f"));
        AssertStatus(StatusCode.Unknown, "mount /r: Device or resource busy (EBUSY)",
            new LinuxException(Errno.EBUSY, "mount", "/r"));
        AssertStatus(StatusCode.Unknown, "denied", new UnauthorizedAccessException("denied"));
    }

    [Fact]
    public void Other_exceptions_are_left_to_the_server()
    {
        Assert.Null(ErrorMapping.ToStatus(new InvalidOperationException()));
        Assert.Null(ErrorMapping.ToStatus(new OperationCanceledException()));
        Assert.Null(ErrorMapping.ToStatus(new RpcException(Status.DefaultCancelled)));
    }

    private static void AssertStatus(StatusCode code, string message, Exception error)
    {
        RpcException mapped = ErrorMapping.ToStatus(error)!;
        Assert.Equal((code, message), (mapped.StatusCode, mapped.Status.Detail));
    }
}
