using System.Buffers;

namespace Ttrpc.Wire;

/// <summary>
/// Splits a stream of bytes into frames, without I/O: the owner reads into <see cref="GetMemory"/>, reports the count
/// to <see cref="Advance"/>, and takes frames with <see cref="TryTake"/> until there is none.
/// <code>
///  small:  | taken | frame | frame | part of a fra...      frames that fit are parsed in place
///  rented: | payload of one long frame, partly received |  only while that frame is in use
/// </code>
/// So an idle connection holds only the small buffer. The bytes of an oversized frame are read into the small buffer
/// and discarded. Not thread-safe: it belongs to the receive loop.
/// </summary>
internal sealed class FrameBuffer(ArrayPool<byte> pool)
{
    // Holds nearly every request and response of containerd; larger frames rent a buffer.
    private const int SmallSize = 2048;

    private readonly byte[] _small = new byte[SmallSize];
    private int _start;
    private int _end;

    private FrameHeader _longHeader;
    private byte[]? _rented;
    private int _rentedFilled;

    private uint _toSkip;

    /// <summary>Where the next bytes go; never empty.</summary>
    public Memory<byte> GetMemory()
    {
        if (_rented is not null)
            return _rented.AsMemory(_rentedFilled, (int)_longHeader.Length - _rentedFilled);

        if (_start == _end)
            _start = _end = 0;
        else if (_start > 0)
            Compact();
        return _small.AsMemory(_end);
    }

    /// <summary>Reports that <paramref name="count"/> bytes were written to <see cref="GetMemory"/>.</summary>
    public void Advance(int count)
    {
        if (_rented is not null)
            _rentedFilled += count;
        else
            _end += count;
    }

    /// <summary>
    /// Takes the next complete frame, or the header of an oversized one, and frees the frame taken before. False if
    /// more bytes are needed.
    /// </summary>
    public bool TryTake(out Frame frame)
    {
        frame = default;
        if (_rented is not null)
        {
            if (_rentedFilled < _longHeader.Length)
                return false;
            if (_longHeader.Length > 0)
            {
                // Complete: returned once. The header is cleared so that the next call frees the buffer.
                frame = new Frame(_longHeader, _rented.AsMemory(0, _rentedFilled));
                _longHeader = default;
                return true;
            }

            Release();
        }

        if (!TrySkip() || _end - _start < FrameHeader.Size)
            return false;

        FrameHeader header = FrameHeader.Read(_small.AsSpan(_start));
        if (header.IsOversized)
        {
            _start += FrameHeader.Size;
            _toSkip = header.Length;
            frame = new Frame(header, default);
            return true;
        }

        int length = FrameHeader.Size + (int)header.Length;
        if (_end - _start >= length)
        {
            frame = new Frame(header, _small.AsMemory(_start + FrameHeader.Size, (int)header.Length));
            _start += length;
            return true;
        }

        if (length > SmallSize)
            BeginLong(header);
        return false;
    }

    /// <summary>Returns a rented buffer. Called between frames and at the end of the receive loop.</summary>
    public void Release()
    {
        if (_rented is null)
            return;
        pool.Return(_rented);
        _rented = null;
        _rentedFilled = 0;
    }

    private void BeginLong(FrameHeader header)
    {
        _longHeader = header;
        _rented = pool.Rent((int)header.Length);
        ReadOnlySpan<byte> begun = _small.AsSpan(_start + FrameHeader.Size, _end - _start - FrameHeader.Size);
        begun.CopyTo(_rented);
        _rentedFilled = begun.Length;
        _start = _end = 0;
    }

    private bool TrySkip()
    {
        int skipped = (int)Math.Min(_toSkip, (uint)(_end - _start));
        _start += skipped;
        _toSkip -= (uint)skipped;
        return _toSkip == 0;
    }

    private void Compact()
    {
        _small.AsSpan(_start, _end - _start).CopyTo(_small);
        _end -= _start;
        _start = 0;
    }
}
