using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ttrpc.Wire;

namespace Ttrpc.Tests.Support;

/// <summary>
/// A peer that sends valid and invalid frames and expects frames. It encodes envelopes with protobuf's generated code,
/// not with the library's.
/// </summary>
internal sealed class RawPeer(Stream stream) : IAsyncDisposable
{
    public static byte[] Request(
        string method, string? message, long timeoutNano = 0, string service = "ttrpc.test.Echo") =>
        new Referee.Request
        {
            Service = service,
            Method = method,
            Payload = message is null ? ByteString.Empty : new StringValue { Value = message }.ToByteString(),
            TimeoutNano = timeoutNano,
        }.ToByteArray();

    public static byte[] Message(string text) => new StringValue { Value = text }.ToByteArray();

    public async Task SendAsync(FrameType type, uint streamId, byte[] payload, FrameFlags flags = 0)
    {
        byte[] frame = new byte[FrameHeader.Size + payload.Length];
        new FrameHeader((uint)payload.Length, streamId, type, flags).Write(frame);
        payload.CopyTo(frame, FrameHeader.Size);
        await SendBytesAsync(frame);
    }

    /// <summary>Sends only a header that announces <paramref name="length"/> bytes.</summary>
    public Task SendHeaderAsync(FrameType type, uint streamId, uint length)
    {
        byte[] header = new byte[FrameHeader.Size];
        new FrameHeader(length, streamId, type, 0).Write(header);
        return SendBytesAsync(header);
    }

    public Task SendBytesAsync(byte[] bytes) => stream.WriteAsync(bytes).AsTask().Soon();

    public async Task<(FrameHeader Header, byte[] Payload)> ReceiveAsync()
    {
        byte[] bytes = new byte[FrameHeader.Size];
        await stream.ReadExactlyAsync(bytes).AsTask().Soon();
        FrameHeader header = FrameHeader.Read(bytes);
        byte[] payload = new byte[header.Length];
        await stream.ReadExactlyAsync(payload).AsTask().Soon();
        return (header, payload);
    }

    public async Task<Referee.Response> ExpectResponseAsync(uint streamId)
    {
        (FrameHeader header, byte[] payload) = await ReceiveAsync();
        Assert.Equal(FrameType.Response, header.Type);
        Assert.Equal(streamId, header.StreamId);
        Assert.Equal(FrameFlags.None, header.Flags);
        return Referee.Response.Parser.ParseFrom(payload);
    }

    public async Task ExpectTextAsync(uint streamId, string text)
    {
        Referee.Response response = await ExpectResponseAsync(streamId);
        Assert.Null(response.Status);
        Assert.Equal(text, StringValue.Parser.ParseFrom(response.Payload).Value);
    }

    public async Task<string> ExpectErrorAsync(uint streamId, StatusCode code)
    {
        Referee.Response response = await ExpectResponseAsync(streamId);
        Assert.Equal(code, (StatusCode)response.Status.Code);
        return response.Status.Message;
    }

    public async Task ExpectClosedAsync()
    {
        int count = await stream.ReadAsync(new byte[1]).AsTask().Soon();
        Assert.Equal(0, count);
    }

    public ValueTask DisposeAsync() => stream.DisposeAsync();
}
