using System.Buffers;
using Grpc.Core;
using Ttrpc.Tests.Support;
using Ttrpc.Wire;

namespace Fuzz;

/// <summary>
/// Bytes of a ttrpc peer: frames, the messages in them, and a connection that receives them. The first byte is the size
/// of the pieces that arrive (7 bits), and whether the peer is a server (1 bit).
/// </summary>
internal static class TtrpcTarget
{
    private const byte PeerIsServer = 0x80;

    public static void Run(byte[] input)
    {
        if (input.Length == 0)
            return;
        byte[] bytes = input[1..];
        int piece = Math.Max(input[0] & ~PeerIsServer, 1);
        List<int> inPieces = Read(bytes, piece, read: true);
        Target.Require(inPieces.SequenceEqual(Read(bytes, int.MaxValue, read: false)),
            "frames are the same however they arrive");
        if (input[0] < PeerIsServer)
            TtrpcPeers.Serve(bytes, piece);
        else
            TtrpcPeers.Call(bytes, piece);
    }

    /// <summary>The frames, as hashes.</summary>
    private static List<int> Read(byte[] bytes, int piece, bool read)
    {
        List<int> seen = [];
        var pool = new CountingPool();
        var frames = new FrameBuffer(pool);
        ReadOnlySpan<byte> left = bytes;
        while (!left.IsEmpty)
        {
            Memory<byte> room = frames.GetMemory();
            Target.Require(!room.IsEmpty, "there is always room");
            int count = Math.Min(Math.Min(piece, room.Length), left.Length);
            left[..count].CopyTo(room.Span);
            left = left[count..];
            frames.Advance(count);
            while (frames.TryTake(out Frame frame))
            {
                var hash = new HashCode();
                hash.Add(frame.Header);
                hash.AddBytes(frame.Payload.Span);
                seen.Add(hash.ToHashCode());
                if (read)
                    Read(frame.Payload.Span);
            }
        }
        frames.Release();
        Target.Require(pool.Lent == 0, "buffers are returned");
        return seen;
    }

    private static void Read(ReadOnlySpan<byte> payload)
    {
        if (RequestEnvelope.TryParse(payload, out RequestEnvelope request))
        {
            _ = payload.Slice(request.PayloadOffset, request.PayloadLength);
            if (request.CopyMetadata() is { } metadata && MetadataCodec.FindFault(metadata) is null)
                RequireSame(MetadataCodec.Decode(metadata));
        }
        if (ResponseEnvelope.TryParse(payload, out ResponseEnvelope response))
        {
            _ = payload.Slice(response.PayloadOffset, response.PayloadLength);
            if (StatusCodec.TryParse(response.Status, out Status status, out int detailsLength))
            {
                StatusCodec.Trailers(response.Status, detailsLength);
                RequireSame(status, detailsLength, response.Status);
            }
        }
    }

    private static void RequireSame(Metadata metadata)
    {
        byte[] written = new byte[MetadataCodec.Size(metadata)];
        var writer = new ProtoWriter(written);
        MetadataCodec.Write(ref writer, metadata);
        Target.Require(writer.Position == written.Length, "metadata has the size that was said");
        Target.Require(RequestEnvelope.TryParse(written, out RequestEnvelope request), "written metadata can be read");
        byte[]? again = request.CopyMetadata();
        Target.Require(again is null ? metadata.Count == 0 : MetadataCodec.FindFault(again) is null
            && MetadataCodec.Decode(again).Select(Text).SequenceEqual(metadata.Select(Text)), "metadata is kept");
    }

    private static string Text(Metadata.Entry entry) =>
        $"{entry.Key}={(entry.IsBinary ? Convert.ToHexString(entry.ValueBytes) : entry.Value)}";

    private static void RequireSame(Status status, int detailsLength, ReadOnlySpan<byte> received)
    {
        OutgoingFrame frame = FrameEncoder.Error(ArrayPool<byte>.Shared, 1, status, received);
        bool isRead = ResponseEnvelope.TryParse(frame.Memory.Span[FrameHeader.Size..], out ResponseEnvelope response);
        Target.Require(isRead && StatusCodec.TryParse(response.Status, out Status again, out int length)
            && again.StatusCode == status.StatusCode && again.Detail == status.Detail && length == detailsLength,
            "a status is kept");
        frame.Return(ArrayPool<byte>.Shared);
    }
}
