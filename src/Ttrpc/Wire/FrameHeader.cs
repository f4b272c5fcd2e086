using System.Buffers.Binary;

namespace Ttrpc.Wire;

/// <summary>What a frame is. Byte 8 of its header.</summary>
internal enum FrameType : byte
{
    /// <summary>Opens a stream; only a client sends it.</summary>
    Request = 1,

    /// <summary>Ends a stream with a status or the only answer; only a server sends it.</summary>
    Response = 2,

    /// <summary>One message of a stream, or its end; both sides send it.</summary>
    Data = 3,
}

/// <summary>Byte 9 of the header. "Remote" is the sender of the frame, seen by its receiver.</summary>
[Flags]
internal enum FrameFlags : byte
{
    /// <summary>A unary request, a response, or one message among others.</summary>
    None = 0,

    /// <summary>The sender will send nothing more on this stream.</summary>
    RemoteClosed = 0x1,

    /// <summary>On a request: the sender will send messages on this stream.</summary>
    RemoteOpen = 0x2,

    /// <summary>On data: the frame carries no message (an empty payload without it is an empty message).</summary>
    NoData = 0x4,
}

/// <summary>
/// The fixed part of every frame, integers in network order:
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
/// <param name="Type">What the payload is. Not checked here: an unknown value is its reader's affair.</param>
/// <param name="Flags">Flags by type; unknown bits are kept.</param>
internal readonly record struct FrameHeader(uint Length, uint StreamId, FrameType Type, FrameFlags Flags)
{
    /// <summary>Bytes of a header on the wire.</summary>
    public const int Size = 10;

    /// <summary>The longest payload, 4 MiB; a longer one is refused by every implementation.</summary>
    public const int MaxPayload = 4 << 20;

    /// <summary>Whether the payload is longer than the protocol allows.</summary>
    public bool IsOversized => Length > MaxPayload;

    /// <summary>Reads the header at the start of <paramref name="source"/>, which holds at least <see cref="Size"/>.</summary>
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
