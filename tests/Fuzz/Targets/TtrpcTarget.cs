using System.Buffers;
using Ttrpc.Wire;

namespace Fuzz;

/// <summary>Frames of ttrpc and the messages in them. The first byte is the size of the pieces that arrive.</summary>
internal static class TtrpcTarget
{
    public static void Run(byte[] input)
    {
        if (input.Length == 0)
            return;
        var frames = new FrameBuffer(ArrayPool<byte>.Shared);
        int piece = Math.Max((int)input[0], 1);
        ReadOnlySpan<byte> left = input.AsSpan(1);
        while (!left.IsEmpty)
        {
            Memory<byte> room = frames.GetMemory();
            int count = Math.Min(Math.Min(piece, room.Length), left.Length);
            left[..count].CopyTo(room.Span);
            left = left[count..];
            frames.Advance(count);
            while (frames.TryTake(out Frame frame))
                Read(frame);
        }
        frames.Release();
    }

    private static void Read(Frame frame)
    {
        ReadOnlySpan<byte> payload = frame.Payload.Span;
        if (RequestEnvelope.TryParse(payload, out RequestEnvelope request))
        {
            _ = payload.Slice(request.PayloadOffset, request.PayloadLength);
            if (request.CopyMetadata() is { } metadata && MetadataCodec.FindFault(metadata) is null)
                MetadataCodec.Decode(metadata);
        }
        if (ResponseEnvelope.TryParse(payload, out ResponseEnvelope response))
        {
            _ = payload.Slice(response.PayloadOffset, response.PayloadLength);
            if (StatusCodec.TryParse(response.Status, out _, out int detailsLength))
                StatusCodec.Trailers(response.Status, detailsLength);
        }
    }
}
