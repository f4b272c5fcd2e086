namespace Fuzz;

/// <summary>The stream to a peer that sends certain bytes in pieces, closes, and takes everything.</summary>
/// <param name="bytes">What the peer sends.</param>
/// <param name="piece">How many bytes arrive at once.</param>
/// <param name="isOpen">Whether it sends at once, and not only after <see cref="Open"/>.</param>
internal sealed class ScriptedStream(byte[] bytes, int piece, bool isOpen = true) : Stream
{
    private readonly TaskCompletionSource _opened = new();
    private int _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>The peer begins to send.</summary>
    public void Open() => _opened.SetResult();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!isOpen)
            await _opened.Task;
        int count = Math.Min(Math.Min(piece, buffer.Length), bytes.Length - _position);
        bytes.AsMemory(_position, count).CopyTo(buffer);
        _position += count;
        return count;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        ValueTask.CompletedTask;

    public override void Flush()
    {
        // Everything was taken.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
