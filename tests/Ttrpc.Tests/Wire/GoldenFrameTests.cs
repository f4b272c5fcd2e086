using System.Buffers;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ttrpc.Tests.Support;
using Ttrpc.Wire;

namespace Ttrpc.Tests.Wire;

/// <summary>The exact bytes of frames on the wire.</summary>
public sealed class GoldenFrameTests
{
    private static readonly Marshaller<StringValue> s_marshaller = Marshallers.Create(
        (StringValue message, SerializationContext context) => context.Complete(RawPeer.Message(message.Value)),
        context => StringValue.Parser.ParseFrom(context.PayloadAsNewBuffer()));

    private static readonly Method<StringValue, StringValue> s_method =
        new(MethodType.Unary, "a.S", "Do", s_marshaller, s_marshaller);

    [Fact]
    public void Header()
    {
        byte[] bytes = [0x00, 0x01, 0x02, 0x03, 0xfe, 0xdc, 0xba, 0x99, 0x03, 0x05];
        var header = new FrameHeader(0x010203, 0xfedcba99, FrameType.Data, FrameFlags.RemoteClosed | FrameFlags.NoData);

        Assert.Equal(header, FrameHeader.Read(bytes));
        byte[] written = new byte[FrameHeader.Size];
        header.Write(written);
        Assert.Equal(bytes, written);
    }

    [Fact]
    public void Unary_request() => AssertFrame(
        [
            0, 0, 0, 30, 0, 0, 0, 7, 1, 0,
            0x0a, 3, (byte)'a', (byte)'.', (byte)'S',
            0x12, 2, (byte)'D', (byte)'o',
            0x1a, 4, 0x0a, 2, (byte)'h', (byte)'i',
            0x20, 0x80, 0x94, 0xeb, 0xdc, 0x03, // one second
            0x2a, 7, 0x0a, 1, (byte)'k', 0x12, 2, (byte)'v', (byte)'w',
        ],
        pool =>
        {
            OutgoingFrame frame = FrameEncoder.Request(
                pool,
                s_method,
                new StringValue { Value = "hi" },
                FrameFlags.None,
                1_000_000_000,
                new Metadata { { "k", "vw" } });
            frame.SetStreamId(7);
            return frame;
        });

    [Fact]
    public void Request_of_an_empty_message_has_no_payload() => AssertFrame(
        [
            0, 0, 0, 9, 0, 0, 0, 0, 1, 1,
            0x0a, 3, (byte)'a', (byte)'.', (byte)'S', 0x12, 2, (byte)'D', (byte)'o',
        ],
        pool => FrameEncoder.Request(pool, s_method, new StringValue(), FrameFlags.RemoteClosed, 0, null));

    [Fact]
    public void Request_that_opens_a_stream() => AssertFrame(
        [
            0, 0, 0, 9, 0, 0, 0, 0, 1, 2,
            0x0a, 3, (byte)'a', (byte)'.', (byte)'S', 0x12, 2, (byte)'D', (byte)'o',
        ],
        pool => FrameEncoder.OpenRequest(pool, s_method, 0, null));

    [Fact]
    public void Successful_response() => AssertFrame(
        [0, 0, 0, 6, 0, 0, 0, 3, 2, 0, 0x12, 4, 0x0a, 2, (byte)'h', (byte)'i'],
        pool => FrameEncoder.Response(pool, 3, s_marshaller, new StringValue { Value = "hi" }));

    [Fact]
    public void Successful_response_with_an_empty_message() => AssertFrame(
        [0, 0, 0, 0, 0, 0, 0, 3, 2, 0],
        pool => FrameEncoder.Response(pool, 3, s_marshaller, new StringValue()));

    [Fact]
    public void Error_response() => AssertFrame(
        [0, 0, 0, 8, 0, 0, 0, 3, 2, 0, 0x0a, 6, 0x08, 5, 0x12, 2, (byte)'n', (byte)'o'],
        pool => FrameEncoder.Error(pool, 3, new Status(StatusCode.NotFound, "no"), default));

    [Fact]
    public void Error_response_with_details() => AssertFrame(
        [0, 0, 0, 12, 0, 0, 0, 3, 2, 0, 0x0a, 10, 0x08, 5, 0x12, 2, (byte)'n', (byte)'o', 0x1a, 2, 0x0a, 0],
        pool => FrameEncoder.Error(
            pool, 3, new Status(StatusCode.NotFound, "no"), [0x08, 9, 0x1a, 2, 0x0a, 0, 0x12, 1, (byte)'x']));

    [Fact]
    public void Data() => AssertFrame(
        [0, 0, 0, 4, 0, 0, 0, 3, 3, 0, 0x0a, 2, (byte)'h', (byte)'i'],
        pool => FrameEncoder.Data(pool, 3, s_marshaller, new StringValue { Value = "hi" }));

    [Fact]
    public void End_of_data() => AssertFrame([0, 0, 0, 0, 0, 0, 0, 3, 3, 5], pool => FrameEncoder.EndOfData(pool, 3));

    [Fact]
    public void A_huge_error_text_is_cut()
    {
        var pool = new CountingPool();
        OutgoingFrame frame = FrameEncoder.Error(
            pool, 3, new Status(StatusCode.Internal, new string('x', 5 << 20)), new byte[5 << 20]);
        Assert.InRange(frame.Length, 60_000, 70_000);
    }

    private static void AssertFrame(byte[] expected, Func<ArrayPool<byte>, OutgoingFrame> build)
    {
        var pool = new CountingPool();
        OutgoingFrame frame = build(pool);
        Assert.Equal(expected, frame.Memory.ToArray());
        frame.Return(pool);
        Assert.Equal(0, pool.Lent);
    }
}
