using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Ttrpc.Tests.Support;

/// <summary>
/// The service used by the tests; go-peer/main.go implements it too. Say treats some inputs specially: <c>fail</c>
/// fails with an error with details, <c>wait</c> waits until the token is cancelled, <c>meta KEY</c> returns the
/// values of that metadata key. Tests can replace the handlers.
/// </summary>
internal sealed class EchoService : Echo.EchoBase
{
    public Func<string, ServerCallContext, Task<string>> OnSay { get; set; } = AnswerAsync;

    public Func<IAsyncStreamReader<StringValue>, ServerCallContext, Task<string>>? OnJoin { get; set; }

    public Func<string, IServerStreamWriter<StringValue>, ServerCallContext, Task>? OnSplit { get; set; }

    public static RpcException DetailedError()
    {
        var status = new Referee.Status { Code = (int)StatusCode.FailedPrecondition, Message = "as asked" };
        status.Details.Add(Any.Pack(new StringValue { Value = "detail" }));
        return new RpcException(
            new Status(StatusCode.FailedPrecondition, "as asked"),
            new Metadata { { "grpc-status-details-bin", status.ToByteArray() } });
    }

    /// <summary>The text of the detail in an error like <see cref="DetailedError"/>.</summary>
    public static string DetailOf(RpcException error)
    {
        byte[] bytes = error.Trailers.GetValueBytes("grpc-status-details-bin")!;
        return Referee.Status.Parser.ParseFrom(bytes).Details.Single().Unpack<StringValue>().Value;
    }

    public override async Task<StringValue> Say(StringValue request, ServerCallContext context) =>
        new() { Value = await OnSay(request.Value, context) };

    public override Task<BytesValue> Fill(Int32Value request, ServerCallContext context) =>
        Task.FromResult(new BytesValue { Value = UnsafeByteOperations.UnsafeWrap(new byte[request.Value]) });

    public override async Task<StringValue> Join(
        IAsyncStreamReader<StringValue> requestStream, ServerCallContext context)
    {
        if (OnJoin is not null)
            return new StringValue { Value = await OnJoin(requestStream, context) };
        string joined = "";
        await foreach (StringValue part in requestStream.ReadAllAsync())
            joined += part.Value;
        return new StringValue { Value = joined };
    }

    public override async Task Split(
        StringValue request, IServerStreamWriter<StringValue> responseStream, ServerCallContext context)
    {
        if (OnSplit is not null)
        {
            await OnSplit(request.Value, responseStream, context);
            return;
        }

        foreach (char c in request.Value)
        {
            if (c == '!')
                throw DetailedError();
            await responseStream.WriteAsync(new StringValue { Value = c.ToString() });
        }
    }

    public override async Task Chat(
        IAsyncStreamReader<StringValue> requestStream,
        IServerStreamWriter<StringValue> responseStream,
        ServerCallContext context)
    {
        await foreach (StringValue part in requestStream.ReadAllAsync())
        {
            if (part.Value == "!")
                throw DetailedError();
            await responseStream.WriteAsync(part);
        }
    }

    public override Task<Empty> Nothing(Empty request, ServerCallContext context) => Task.FromResult(request);

    private static async Task<string> AnswerAsync(string input, ServerCallContext context)
    {
        if (input == "fail")
            throw DetailedError();
        if (input == "wait")
            await Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
        if (input.StartsWith("meta ", StringComparison.Ordinal))
            return string.Join(',', context.RequestHeaders.GetAll(input[5..]).Select(entry => entry.Value));
        return input;
    }
}
