using System.Buffers;
using System.Text;
using Grpc.Core;

namespace Ttrpc.Wire;

/// <summary>Builds every kind of frame that is sent. The caller owns the frame.</summary>
internal static class FrameEncoder
{
    // Tag and length of a payload of at most 4 MiB.
    private static readonly int s_payloadPrefix = 1 + ProtoWriter.VarintSize(FrameHeader.MaxPayload);

    /// <summary>A response with <paramref name="message"/>; the status OK is omitted, as in Go.</summary>
    public static OutgoingFrame Response<T>(ArrayPool<byte> pool, uint streamId, Marshaller<T> marshaller, T message)
    {
        FrameBuilder builder = FrameBuilder.Serialize(pool, FrameHeader.Size + s_payloadPrefix, marshaller, message);
        int prefix = WritePayloadPrefix(builder, ResponseEnvelope.PayloadField);
        return builder.Finish(prefix, streamId, FrameType.Response, FrameFlags.None);
    }

    /// <summary>
    /// A response with an error. <paramref name="detailed"/> is empty or a well-formed <c>google.rpc.Status</c> whose
    /// details are copied. Details that do not fit into a frame are dropped; the text is cut at 64 Ki characters.
    /// </summary>
    public static OutgoingFrame Error(ArrayPool<byte> pool, uint streamId, Status status, ReadOnlySpan<byte> detailed)
    {
        const int MaxText = 64 * 1024;
        if (status.Detail.Length > MaxText)
            status = new Status(status.StatusCode, status.Detail[..MaxText]);
        int messageLength = Encoding.UTF8.GetByteCount(status.Detail);

        // An upper bound, because the length includes unknown fields; that is enough for this check.
        if (messageLength + detailed.Length + 64 > FrameHeader.MaxPayload
            || !StatusCodec.TryParse(detailed, out _, out int detailsLength))
        {
            detailed = default;
            detailsLength = 0;
        }

        int size = StatusCodec.Size(status.StatusCode, messageLength, detailsLength);
        FrameBuilder builder = FrameBuilder.Begin(pool, FrameHeader.Size);
        var writer = new ProtoWriter(builder.After(ProtoWriter.BytesFieldSize(size)));
        writer.WriteBytesPrefix(ResponseEnvelope.StatusField, size);
        StatusCodec.Write(ref writer, status, detailed);
        return builder.Finish(prefix: 0, streamId, FrameType.Response, FrameFlags.None);
    }

    /// <summary>One message of a stream; the sender may send more.</summary>
    public static OutgoingFrame Data<T>(ArrayPool<byte> pool, uint streamId, Marshaller<T> marshaller, T message) =>
        FrameBuilder.Serialize(pool, FrameHeader.Size, marshaller, message)
            .Finish(prefix: 0, streamId, FrameType.Data, FrameFlags.None);

    /// <summary>Closes the sender's side of a stream. Without a message: Go rejects one in this frame.</summary>
    public static OutgoingFrame EndOfData(ArrayPool<byte> pool, uint streamId) =>
        FrameBuilder.Begin(pool, FrameHeader.Size)
            .Finish(prefix: 0, streamId, FrameType.Data, FrameFlags.RemoteClosed | FrameFlags.NoData);

    /// <summary>A request with its message; the stream id is set when it is sent.</summary>
    public static OutgoingFrame Request<TRequest, TResponse>(
        ArrayPool<byte> pool,
        Method<TRequest, TResponse> method,
        TRequest message,
        FrameFlags flags,
        long timeoutNano,
        Metadata? metadata)
    {
        int names = NamesSize(method);
        FrameBuilder builder = FrameBuilder.Serialize(
            pool, FrameHeader.Size + names + s_payloadPrefix, method.RequestMarshaller, message);
        int prefix = WritePayloadPrefix(builder, RequestEnvelope.PayloadField);
        return FinishRequest(builder, method, prefix, names, flags, timeoutNano, metadata);
    }

    /// <summary>A request whose messages follow as data frames.</summary>
    public static OutgoingFrame OpenRequest(ArrayPool<byte> pool, IMethod method, long timeoutNano, Metadata? metadata)
    {
        int names = NamesSize(method);
        FrameBuilder builder = FrameBuilder.Begin(pool, FrameHeader.Size + names);
        return FinishRequest(builder, method, 0, names, FrameFlags.RemoteOpen, timeoutNano, metadata);
    }

    private static OutgoingFrame FinishRequest(
        FrameBuilder builder,
        IMethod method,
        int prefix,
        int names,
        FrameFlags flags,
        long timeoutNano,
        Metadata? metadata)
    {
        int timeout = timeoutNano == 0 ? 0 : 1 + ProtoWriter.VarintSize((ulong)timeoutNano);
        try
        {
            var before = new ProtoWriter(builder.Before(prefix + names));
            before.WriteStringField(RequestEnvelope.ServiceField, method.ServiceName);
            before.WriteStringField(RequestEnvelope.MethodField, method.Name);

            var after = new ProtoWriter(builder.After(timeout + (metadata is null ? 0 : MetadataCodec.Size(metadata))));
            if (timeoutNano != 0)
                after.WriteVarintField(RequestEnvelope.TimeoutField, (ulong)timeoutNano);
            if (metadata is not null)
                MetadataCodec.Write(ref after, metadata);
        }
        catch
        {
            builder.Abandon();
            throw;
        }

        return builder.Finish(prefix + names, streamId: 0, FrameType.Request, flags);
    }

    private static int NamesSize(IMethod method) =>
        ProtoWriter.BytesFieldSize(Encoding.UTF8.GetByteCount(method.ServiceName)) +
        ProtoWriter.BytesFieldSize(Encoding.UTF8.GetByteCount(method.Name));

    // An empty message needs no field: absent and empty mean the same in proto3.
    private static int WritePayloadPrefix(FrameBuilder builder, int field)
    {
        int length = builder.MessageLength;
        if (length == 0)
            return 0;
        int prefix = 1 + ProtoWriter.VarintSize((ulong)length);
        var writer = new ProtoWriter(builder.Before(prefix));
        writer.WriteBytesPrefix(field, length);
        return prefix;
    }
}
