using CsCheck;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ttrpc.Wire;

namespace Ttrpc.Tests.Wire;

/// <summary>Our envelopes against protobuf's own code.</summary>
public sealed class EnvelopeTests
{
    private static readonly Gen<string> s_text = Gen.OneOf(Gen.String[Gen.Char.AlphaNumeric, 0, 20], Gen.Const("zwölf €"));

    private static readonly Gen<Referee.Request> s_request = Gen.Select(
        s_text, s_text, Gen.Byte.Array[0, 300], Gen.Long, Gen.Select(s_text, s_text).List[0, 4],
        (service, method, payload, timeout, metadata) =>
        {
            var request = new Referee.Request
            {
                Service = service,
                Method = method,
                Payload = ByteString.CopyFrom(payload),
                TimeoutNano = timeout,
            };
            foreach ((string key, string value) in metadata)
                request.Metadata.Add(new Referee.KeyValue { Key = key, Value = value });
            return request;
        });

    [Fact]
    public void A_request_reads_as_protobuf_wrote_it() => s_request.Sample(expected =>
    {
        byte[] bytes = expected.ToByteArray();
        Assert.True(RequestEnvelope.TryParse(bytes, out RequestEnvelope request));
        AssertSame(expected, bytes, request);
    });

    [Fact]
    public void A_damaged_request_is_refused_or_reads_as_protobuf_reads_it() =>
        Gen.Select(s_request, Gen.Int[0, 400], Gen.Byte, Gen.Bool).Sample((original, position, value, cut) =>
        {
            byte[] bytes = original.ToByteArray();
            position %= bytes.Length + 1;
            if (cut)
                bytes = bytes[..position];
            else if (position < bytes.Length)
                bytes[position] = value;

            // Ours is the stricter one; what it takes must mean the same to both.
            if (RequestEnvelope.TryParse(bytes, out RequestEnvelope request))
                AssertSame(Referee.Request.Parser.ParseFrom(bytes), bytes, request);
        });

    [Fact]
    public void Rubbish_never_throws() => Gen.Byte.Array[0, 200].Sample(bytes =>
    {
        if (RequestEnvelope.TryParse(bytes, out RequestEnvelope request) && request.CopyMetadata() is { } metadata)
            MetadataCodec.FindFault(metadata);
        if (ResponseEnvelope.TryParse(bytes, out ResponseEnvelope response))
            Assert.InRange(response.PayloadOffset + response.PayloadLength, 0, bytes.Length);
        if (StatusCodec.TryParse(bytes, out _, out int detailsLength))
            Assert.InRange(detailsLength, 0, bytes.Length);
    });

    [Theory]
    [InlineData(null, "")]
    [InlineData(0, "")]
    [InlineData(5, "not there")]
    [InlineData(16, "unauthenticated")]
    public void A_response_reads_with_and_without_a_status(int? code, string message)
    {
        var expected = new Referee.Response { Payload = ByteString.CopyFromUtf8("payload") };
        if (code is { } number)
            expected.Status = new Referee.Status { Code = number, Message = message };
        byte[] bytes = expected.ToByteArray();

        Assert.True(ResponseEnvelope.TryParse(bytes, out ResponseEnvelope response));
        Assert.True(StatusCodec.TryParse(response.Status, out Status status, out int detailsLength));
        Assert.Equal(((StatusCode)(code ?? 0), message, 0), (status.StatusCode, status.Detail, detailsLength));
        Assert.Equal("payload"u8, bytes.AsSpan(response.PayloadOffset, response.PayloadLength));
    }

    [Theory]
    [InlineData(17)]
    [InlineData(-1)]
    public void A_code_that_is_none_is_unknown(int code)
    {
        byte[] bytes = new Referee.Status { Code = code }.ToByteArray();
        Assert.True(StatusCodec.TryParse(bytes, out Status status, out _));
        Assert.Equal(StatusCode.Unknown, status.StatusCode);
    }

    [Fact]
    public void Details_are_copied_and_nothing_else()
    {
        var detailed = new Referee.Status { Code = 9, Message = "other" };
        detailed.Details.Add(Any.Pack(new StringValue { Value = "one" }));
        detailed.Details.Add(Any.Pack(new StringValue { Value = "two" }));
        var pool = new Support.CountingPool();

        OutgoingFrame frame = FrameEncoder.Error(pool, 1, new Status(StatusCode.Aborted, "ours"), detailed.ToByteArray());

        Referee.Status status = Referee.Response.Parser.ParseFrom(frame.Memory.Span[FrameHeader.Size..]).Status;
        Assert.Equal(((int)StatusCode.Aborted, "ours"), (status.Code, status.Message));
        Assert.Equal(detailed.Details, status.Details);
    }

    [Theory]
    [InlineData(new byte[] { 0x80 })] // a varint without end
    [InlineData(new byte[] { 0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02 })] // 65 bits
    [InlineData(new byte[] { 0x0a, 2, (byte)'a' })] // longer than the message
    [InlineData(new byte[] { 0x0a, 1, 0xff })] // not UTF-8
    [InlineData(new byte[] { 0x08, 1 })] // the service a varint
    [InlineData(new byte[] { 0x02, 0 })] // field number 0
    [InlineData(new byte[] { 0x33 })] // a group
    [InlineData(new byte[] { 0x2a, 2, 0x0a, 5 })] // metadata whose key is longer than itself
    public void A_malformed_request_is_refused(byte[] bytes) => Assert.False(RequestEnvelope.TryParse(bytes, out _));

    [Fact]
    public void Unknown_fields_are_skipped()
    {
        byte[] bytes = [0x30, 7, 0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x42, 2, 1, 2, 0x4d, 1, 2, 3, 4, 0x12, 1, (byte)'M'];
        Assert.True(RequestEnvelope.TryParse(bytes, out RequestEnvelope request));
        Assert.Equal("M"u8, request.Method);
    }

    [Theory]
    [InlineData("key with space", "v", "metadata key 'key with space' is not made of letters, digits, '.', '_' and '-'")]
    [InlineData("", "v", "metadata key '' is not made of letters, digits, '.', '_' and '-'")]
    [InlineData("x-bin", "*", "the value of binary metadata key 'x-bin' is not base64")]
    [InlineData("X-Bin", "QQ==", null)]
    [InlineData("x-bin", "QQ", null)]
    public void Metadata_that_grpc_could_not_hold_is_named(string key, string value, string? fault)
    {
        var message = new Referee.Request();
        message.Metadata.Add(new Referee.KeyValue { Key = key, Value = value });
        Assert.True(RequestEnvelope.TryParse(message.ToByteArray(), out RequestEnvelope request));
        byte[] metadata = request.CopyMetadata()!;

        Assert.Equal(fault, MetadataCodec.FindFault(metadata));
        if (fault is null)
            Assert.Equal("A"u8, MetadataCodec.Decode(metadata).GetValueBytes("x-bin")!);
    }

    private static void AssertSame(Referee.Request expected, byte[] bytes, in RequestEnvelope request)
    {
        Assert.Equal(expected.Service, System.Text.Encoding.UTF8.GetString(request.Service));
        Assert.Equal(expected.Method, System.Text.Encoding.UTF8.GetString(request.Method));
        Assert.Equal(expected.Payload.Span, bytes.AsSpan(request.PayloadOffset, request.PayloadLength));
        Assert.Equal(expected.TimeoutNano, request.TimeoutNano);

        var entries = new List<Referee.KeyValue>();
        var reader = new ProtoReader(request.CopyMetadata() ?? []);
        while (reader.TryReadBytes(out ReadOnlySpan<byte> entry))
            entries.Add(Referee.KeyValue.Parser.ParseFrom(entry));
        Assert.Equal(
            expected.Metadata.Select(entry => (entry.Key, entry.Value)),
            entries.Select(entry => (entry.Key, entry.Value)));
    }
}
