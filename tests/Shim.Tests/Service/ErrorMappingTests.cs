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
    [InlineData(Refusal.NotFound, StatusCode.NotFound)]
    [InlineData(Refusal.AlreadyExists, StatusCode.AlreadyExists)]
    [InlineData(Refusal.WrongState, StatusCode.FailedPrecondition)]
    [InlineData(Refusal.InvalidArgument, StatusCode.InvalidArgument)]
    [InlineData(Refusal.Unsupported, StatusCode.Unimplemented)]
    internal void Refusals(Refusal refusal, StatusCode code)
    {
        AssertStatus(code, "because", new RefusedException(refusal, "because"));
    }

    [Theory]
    [InlineData(RunscFailure.Failed, StatusCode.Unknown)]
    [InlineData(RunscFailure.NotFound, StatusCode.NotFound)]
    [InlineData(RunscFailure.WrongState, StatusCode.FailedPrecondition)]
    [InlineData(RunscFailure.TimedOut, StatusCode.DeadlineExceeded)]
    [InlineData(RunscFailure.NotRunnable, StatusCode.Unknown)]
    [InlineData(RunscFailure.Unsupported, StatusCode.Unimplemented)]
    internal void Failures_of_runsc(RunscFailure failure, StatusCode code)
    {
        AssertStatus(code, "runsc said", new RunscException(failure, "runsc said"));
    }

    [Theory]
    [InlineData(CheckpointFault.Exists, StatusCode.AlreadyExists)]
    [InlineData(CheckpointFault.Invalid, StatusCode.InvalidArgument)]
    [InlineData(CheckpointFault.DoesNotFit, StatusCode.FailedPrecondition)]
    internal void What_is_wrong_with_an_image(CheckpointFault fault, StatusCode code)
    {
        AssertStatus(code, "image /i", new CheckpointException(fault, "image /i"));
    }

    [Fact]
    public void What_the_client_sent_is_wrong()
    {
        AssertStatus(StatusCode.InvalidArgument, "conf:1: no", new ConfigurationException("conf:1: no"));
        AssertStatus(StatusCode.InvalidArgument, "stdio x: no", new FormatException("stdio x: no"));
        InvalidProtocolBufferException broken =
            Assert.Throws<InvalidProtocolBufferException>(() => Containerd.Api.Runc.Options.Parser.ParseFrom([0xff]));
        AssertStatus(StatusCode.InvalidArgument, broken.Message, broken);
    }

    [Fact]
    public void What_the_kernel_refuses()
    {
        AssertStatus(StatusCode.Unknown, "open /f: No such file or directory (ENOENT)",
            new LinuxException(Errno.ENOENT, "open", "/f"));
        AssertStatus(StatusCode.Unknown, "mount /r: Device or resource busy (EBUSY)",
            new LinuxException(Errno.EBUSY, "mount", "/r"));
        AssertStatus(StatusCode.Unknown, "denied", new UnauthorizedAccessException("denied"));
    }

    [Fact]
    public void What_is_not_the_shims_own_is_left_to_the_server()
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
