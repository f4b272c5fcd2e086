using CsCheck;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ttrpc.Wire;

namespace Ttrpc.Tests.Wire;

/// <summary>The hand-written envelope code against protobuf's generated code.</summary>
public sealed class EnvelopeTests
{
    private static readonly MessageParser<Referee.Request> s_parser =
        Referee.Request.Parser.WithDiscardUnknownFields(true);

    private static readonly Gen<string> s_text = Gen.OneOf(
        Gen.String[Gen.Char.AlphaNumeric, 0, 20], Gen.Const("zwölf €"));

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
    public void A_request_written_by_protobuf_reads_the_same() => s_request.Sample(
        expected => Assert.Equal(expected, Read(expected.ToByteArray())));

    [Fact]
    public void A_corrupted_request_is_rejected_or_reads_as_in_protobuf() =>
        Gen.Select(s_request, Gen.Int[0, 400], Gen.Byte, Gen.Bool).Sample((original, position, value, cut) =>
        {
            byte[] bytes = original.ToByteArray();
            position %= bytes.Length + 1;
            if (cut)
                bytes = bytes[..position];
            else if (position < bytes.Length)
                bytes[position] = value;

            // Ours is stricter than protobuf; both must read what ours accepts in the same way.
            Assert.Contains(Read(bytes), new[] { null, ReadByProtobuf(bytes) });
        });

    [Fact]
    public void Random_bytes_never_throw() => Gen.Byte.Array[0, 200].Sample(bytes =>
    {
        byte[]? metadata = RequestEnvelope.TryParse(bytes, out RequestEnvelope request) ? request.CopyMetadata() : null;
        MetadataCodec.FindFault(metadata);
        _ = ResponseEnvelope.TryParse(bytes, out ResponseEnvelope response);
        Assert.InRange(response.PayloadOffset + response.PayloadLength, 0, bytes.Length);
        _ = StatusCodec.TryParse(bytes, out _, out int detailsLength);
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
    public void A_code_that_grpc_does_not_have_is_unknown(int code)
    {
        byte[] bytes = new Referee.Status { Code = code }.ToByteArray();
        Assert.True(StatusCodec.TryParse(bytes, out Status status, out _));
        Assert.Equal(StatusCode.Unknown, status.StatusCode);
    }

    [Fact]
    public void Only_details_are_copied_from_a_detailed_status()
    {
        var detailed = new Referee.Status { Code = 9, Message = "other" };
        detailed.Details.Add(Any.Pack(new StringValue { Value = "one" }));
        detailed.Details.Add(Any.Pack(new StringValue { Value = "two" }));
        var pool = new Support.CountingPool();

        OutgoingFrame frame = FrameEncoder.Error(
            pool, 1, new Status(StatusCode.Aborted, "ours"), detailed.ToByteArray());

        Referee.Status status = Referee.Response.Parser.ParseFrom(frame.Memory.Span[FrameHeader.Size..]).Status;
        Assert.Equal(((int)StatusCode.Aborted, "ours"), (status.Code, status.Message));
        Assert.Equal(detailed.Details, status.Details);
    }

    [Theory]
    [InlineData(new byte[] { 0x80 })] // an unterminated varint
    [InlineData(new byte[] { 0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02 })] // 65 bits
    [InlineData(new byte[] { 0x0a, 2, (byte)'a' })] // a length beyond the message
    [InlineData(new byte[] { 0x0a, 1, 0xff })] // not UTF-8
    [InlineData(new byte[] { 0x08, 1 })] // the service as a varint
    [InlineData(new byte[] { 0x02, 0 })] // field number 0
    [InlineData(new byte[] { 0x33 })] // a group
    [InlineData(new byte[] { 0x2a, 2, 0x0a, 5 })] // a metadata key longer than its entry
    public void A_malformed_request_is_rejected(byte[] bytes) => Assert.False(RequestEnvelope.TryParse(bytes, out _));

    [Fact]
    public void Unknown_fields_are_skipped()
    {
        byte[] bytes = [0x30, 7, 0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x42, 2, 1, 2, 0x4d, 1, 2, 3, 4, 0x12, 1, (byte)'M'];
        Assert.True(RequestEnvelope.TryParse(bytes, out RequestEnvelope request));
        Assert.Equal("M"u8, request.Method);
    }

    [Theory]
    [InlineData("a key", "v", "invalid metadata key 'a key': use letters, digits, '.', '_' and '-'")]
    [InlineData("", "v", "invalid metadata key '': use letters, digits, '.', '_' and '-'")]
    [InlineData("x-bin", "*", "the value of metadata key 'x-bin' is not base64")]
    public void Metadata_that_grpc_cannot_hold_is_described(string key, string value, string fault) =>
        Assert.Equal(fault, MetadataCodec.FindFault(MetadataOf(key, value)));

    [Theory]
    [InlineData("X-Bin", "QQ==")]
    [InlineData("x-bin", "QQ")]
    public void Binary_metadata_is_read_with_and_without_padding(string key, string value)
    {
        byte[] metadata = MetadataOf(key, value);

        Assert.Null(MetadataCodec.FindFault(metadata));
        Assert.Equal("A"u8, MetadataCodec.Decode(metadata).GetValueBytes("x-bin")!);
    }

    private static byte[] MetadataOf(string key, string value)
    {
        var message = new Referee.Request();
        message.Metadata.Add(new Referee.KeyValue { Key = key, Value = value });
        Assert.True(RequestEnvelope.TryParse(message.ToByteArray(), out RequestEnvelope request));
        return request.CopyMetadata()!;
    }

    // Null if the envelope rejects the bytes.
    private static Referee.Request? Read(byte[] bytes)
    {
        if (!RequestEnvelope.TryParse(bytes, out RequestEnvelope envelope))
            return null;

        var request = new Referee.Request
        {
            Service = System.Text.Encoding.UTF8.GetString(envelope.Service),
            Method = System.Text.Encoding.UTF8.GetString(envelope.Method),
            Payload = ByteString.CopyFrom(bytes, envelope.PayloadOffset, envelope.PayloadLength),
            TimeoutNano = envelope.TimeoutNano,
        };
        var reader = new ProtoReader(envelope.CopyMetadata() ?? []);
        while (reader.TryReadBytes(out ReadOnlySpan<byte> entry))
            request.Metadata.Add(Referee.KeyValue.Parser.WithDiscardUnknownFields(true).ParseFrom(entry));
        return request;
    }

    // Null if protobuf rejects the bytes.
    private static Referee.Request? ReadByProtobuf(byte[] bytes)
    {
        try
        {
            return s_parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }
}
