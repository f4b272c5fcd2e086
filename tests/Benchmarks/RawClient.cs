using System.Buffers.Binary;
using System.Net.Sockets;
using Google.Protobuf;

namespace Benchmarks;

/// <summary>
/// One connection on which the same request is sent again and again, by as little client as there can be: blocking
/// socket calls on the caller's thread, the request serialized once, of answers only the status looked at.
/// </summary>
/// <remarks>
/// A frame: length of the message (4 bytes, big endian), stream (4), type (1: request, 2: response), flags (1).
/// </remarks>
internal sealed class RawClient : IDisposable
{
    private const int HeaderBytes = 10;
    private const byte RequestType = 1, ResponseType = 2;

    private readonly Socket _socket;
    private readonly byte[] _request;
    private readonly byte[] _received = new byte[1 << 16];
    private int _begin, _end;
    private uint _stream = 1; // a client's are odd

    public RawClient(string path, string service, string method, IMessage message)
    {
        _request = Frame(service, method, message);
        // Neither direction may hang where a shim does not answer.
        _socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            ReceiveTimeout = 10_000,
            SendTimeout = 10_000,
        };
        _socket.Connect(new UnixDomainSocketEndPoint(path));
    }

    /// <summary>Sends the request.</summary>
    public void Send()
    {
        BinaryPrimitives.WriteUInt32BigEndian(_request.AsSpan(4), _stream);
        _stream += 2;
        for (int sent = 0; sent < _request.Length;)
            sent += _socket.Send(_request.AsSpan(sent));
    }

    /// <summary>Receives one answer, to whichever request.</summary>
    /// <exception cref="InvalidOperationException">It is an error.</exception>
    public void Receive()
    {
        Fill(HeaderBytes);
        int length = (int)BinaryPrimitives.ReadUInt32BigEndian(_received.AsSpan(_begin));
        if (_received[_begin + 8] != ResponseType)
            throw new InvalidOperationException($"a frame of type {_received[_begin + 8]} is not a response");
        Fill(HeaderBytes + length);
        RequireSuccess(_received.AsSpan(_begin + HeaderBytes, length));
        _begin += HeaderBytes + length;
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>ttrpc's Request: service 1, method 2, payload 3.</summary>
    private static byte[] Frame(string service, string method, IMessage message)
    {
        using var stream = new MemoryStream();
        stream.Write(new byte[HeaderBytes]);
        using (var output = new CodedOutputStream(stream, leaveOpen: true))
        {
            output.WriteTag(1, WireFormat.WireType.LengthDelimited);
            output.WriteString(service);
            output.WriteTag(2, WireFormat.WireType.LengthDelimited);
            output.WriteString(method);
            output.WriteTag(3, WireFormat.WireType.LengthDelimited);
            output.WriteBytes(message.ToByteString());
        }
        byte[] frame = stream.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(frame, frame.Length - HeaderBytes);
        frame[8] = RequestType;
        return frame;
    }

    /// <summary>
    /// ttrpc's Response begins with the status, field 1, where that is not success or is spelled out.
    /// </summary>
    private static void RequireSuccess(ReadOnlySpan<byte> response)
    {
        const byte StatusTag = (1 << 3) | 2;
        if (response is [StatusTag, > 0, ..])
            throw new InvalidOperationException(
                $"the shim answered with an error: {System.Text.Encoding.UTF8.GetString(response)}");
    }

    private void Fill(int wanted)
    {
        if (_begin > 0 && _begin + wanted > _received.Length)
        {
            _received.AsSpan(_begin, _end - _begin).CopyTo(_received);
            (_begin, _end) = (0, _end - _begin);
        }
        while (_end - _begin < wanted)
        {
            int count = _socket.Receive(_received.AsSpan(_end));
            if (count == 0)
                throw new IOException("the shim closed the connection");
            _end += count;
        }
    }
}
