using System.IO.Pipelines;

namespace Ttrpc.Tests.Support;

/// <summary>
/// One end of an in-memory connection. As with a socket, a writer waits while <c>capacity</c> bytes are unread.
/// Disposing one end ends its pending reads and writes, and the other end reads the end of the stream.
/// </summary>
internal sealed class PairedStream : Stream
{
    private readonly PipeReader _reader;
    private readonly PipeWriter _writer;
    private int _disposed;

    private PairedStream(PipeReader reader, PipeWriter writer)
    {
        _reader = reader;
        _writer = writer;
    }

    /// <summary>Number of writes so far.</summary>
    public int Writes { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public static (PairedStream Client, PairedStream Server) Create(int capacity = 64 * 1024)
    {
        var options = new PipeOptions(pauseWriterThreshold: capacity, resumeWriterThreshold: capacity / 2);
        var up = new Pipe(options);
        var down = new Pipe(options);
        return (new PairedStream(down.Reader, up.Writer), new PairedStream(up.Reader, down.Writer));
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ReadResult result = await _reader.ReadAsync(cancellationToken);
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        int count = (int)Math.Min(buffer.Length, result.Buffer.Length);
        var taken = result.Buffer.Slice(0, count);
        int position = 0;
        foreach (ReadOnlyMemory<byte> segment in taken)
        {
            segment.CopyTo(buffer[position..]);
            position += segment.Length;
        }

        _reader.AdvanceTo(taken.End);
        return count;
    }

    public override async ValueTask WriteAsync(
        ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        Writes++;
        FlushResult result = await _writer.WriteAsync(buffer, cancellationToken);
        if (result.IsCompleted || result.IsCanceled)
            throw new IOException("Broken pipe");
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _reader.CancelPendingRead();
            _writer.CancelPendingFlush();
            _writer.Complete();
        }

        base.Dispose(disposing);
    }
}
