using System.Buffers.Binary;

namespace Ttrpc.Wire;

/// <summary>The type of a frame: byte 8 of its header.</summary>
internal enum FrameType : byte
{
    /// <summary>Opens a stream; sent by clients only.</summary>
    Request = 1,

    /// <summary>Ends a stream with a status or the only response message; sent by servers only.</summary>
    Response = 2,

    /// <summary>One message of a stream, or the end of a side; sent by both.</summary>
    Data = 3,
}

/// <summary>Byte 9 of the header. "Remote" is the sender of the frame, as seen by its receiver.</summary>
[Flags]
internal enum FrameFlags : byte
{
    /// <summary>A unary request, a response, or a message that is not the last.</summary>
    None = 0,

    /// <summary>The sender sends nothing more on this stream.</summary>
    RemoteClosed = 0x1,

    /// <summary>On a request: the sender will send messages on this stream.</summary>
    RemoteOpen = 0x2,

    /// <summary>On data: the frame holds no message (without this flag, no payload is an empty message).</summary>
    NoData = 0x4,
}

/// <summary>
/// The fixed part of every frame, integers in network byte order:
/// <code>
///  0       4       8    9    10              10 + length
///  +-------+-------+----+----+- - - - - - - -+
///  |length |stream |type|flag| payload       |
///  | u32   | u32   | u8 | u8 |               |
///  +-------+-------+----+----+- - - - - - - -+
/// </code>
/// </summary>
/// <param name="Length">Bytes of payload after the header.</param>
/// <param name="StreamId">The stream; odd, as only clients open streams.</param>
/// <param name="Type">The type of the payload. Not checked here: the dispatcher handles unknown values.</param>
/// <param name="Flags">The flags; unknown bits are kept.</param>
internal readonly record struct FrameHeader(uint Length, uint StreamId, FrameType Type, FrameFlags Flags)
{
    /// <summary>Bytes of a header on the wire.</summary>
    public const int Size = 10;

    /// <summary>The longest payload, 4 MiB; every implementation rejects longer ones.</summary>
    public const int MaxPayload = 4 << 20;

    /// <summary>Whether the payload exceeds the limit of the protocol.</summary>
    public bool IsOversized => Length > MaxPayload;

    /// <summary>Reads the header from the first <see cref="Size"/> bytes of <paramref name="source"/>.</summary>
    public static FrameHeader Read(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadUInt32BigEndian(source),
        BinaryPrimitives.ReadUInt32BigEndian(source[4..]),
        (FrameType)source[8],
        (FrameFlags)source[9]);

    /// <summary>Writes the header to the start of <paramref name="destination"/>.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, Length);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], StreamId);
        destination[8] = (byte)Type;
        destination[9] = (byte)Flags;
    }
}
