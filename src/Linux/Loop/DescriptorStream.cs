namespace Linux;

/// <summary>
/// A descriptor on an event loop as a stream: sockets, FIFOs, pipes, pty masters, eventfd. At most one read and one
/// write at a time, from the loop's thread; both may wait together. Waiting allocates nothing.
/// </summary>
/// <remarks>A pty master whose slaves are all closed reads EIO; that is its end of file. The synchronous members are
/// not supported: they would block the loop.</remarks>
public sealed class DescriptorStream : Stream
{
    private readonly Readiness _readiness;
    private readonly Reader _reader;
    private readonly Writer _writer;

    /// <summary>Takes over a descriptor and makes it non-blocking, which every process that shares the open file
    /// sees.</summary>
    /// <param name="loop">The loop whose thread uses the stream.</param>
    /// <param name="descriptor">Closed with the stream.</param>
    /// <exception cref="LinuxException">The descriptor's flags cannot be set; it stays the caller's.</exception>
    public DescriptorStream(EventLoop loop, Descriptor descriptor)
    {
        ArgumentNullException.ThrowIfNull(loop);
        ArgumentNullException.ThrowIfNull(descriptor);
        descriptor.SetNonBlocking();
        _readiness = new Readiness(loop, descriptor);
        _reader = new Reader(_readiness);
        _writer = new Writer(_readiness);
    }

    /// <summary>The descriptor, which stays the stream's.</summary>
    public Descriptor Descriptor => _readiness.Descriptor;

    internal Readiness Readiness => _readiness;

    /// <inheritdoc/>
    public override bool CanRead => !Descriptor.IsClosed;

    /// <inheritdoc/>
    public override bool CanWrite => !Descriptor.IsClosed;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Reads what is there, waiting for at least one byte.</summary>
    /// <returns>The number of bytes; 0 at the end.</returns>
    /// <exception cref="LinuxException">read(2) failed.</exception>
    /// <exception cref="ObjectDisposedException">The stream was closed, perhaps while this waited.</exception>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _reader.ReadAsync(buffer, cancellationToken);

    /// <summary>Writes all of <paramref name="buffer"/>. A cancelled write may have written a part.</summary>
    /// <exception cref="LinuxException">write(2) failed; EPIPE when nobody can read any more.</exception>
    /// <exception cref="ObjectDisposedException">The stream was closed, perhaps while this waited.</exception>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        _writer.WriteAsync(buffer, cancellationToken);

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Nothing is buffered, so nothing is flushed.</summary>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Not supported: it would block the loop.</summary>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <summary>Not supported: it would block the loop.</summary>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _readiness.Dispose();
        base.Dispose(disposing);
    }

    private sealed class Reader(Readiness readiness) : ReadyWait(readiness, isWrite: false)
    {
        private Memory<byte> _buffer;

        internal ValueTask<int> ReadAsync(Memory<byte> into, CancellationToken token)
        {
            try
            {
                VerifyIdle();
                _buffer = into;
                return Start(out int count, token) ? new(count) : new(this, Version);
            }
            catch (OperationCanceledException)
            {
                return ValueTask.FromCanceled<int>(token);
            }
            catch (Exception e)
            {
                return ValueTask.FromException<int>(e);
            }
        }

        protected override bool TryComplete(out int result)
        {
            result = Descriptor.TryRead(_buffer.Span, out Errno errno);
            if (result >= 0)
                return true;
            if (errno == Errno.EAGAIN)
                return false;
            result = 0;
            if (errno == Errno.EIO && Pty.IsMaster(Descriptor))
                return true;
            throw new LinuxException(errno, "read", Descriptor.ToString());
        }

        protected override void Release() => _buffer = default;
    }

    private sealed class Writer(Readiness readiness) : ReadyWait(readiness, isWrite: true)
    {
        private ReadOnlyMemory<byte> _left;

        internal ValueTask WriteAsync(ReadOnlyMemory<byte> from, CancellationToken token)
        {
            try
            {
                VerifyIdle();
                _left = from;
                return Start(out _, token) ? default : new(this, Version);
            }
            catch (OperationCanceledException)
            {
                return ValueTask.FromCanceled(token);
            }
            catch (Exception e)
            {
                return ValueTask.FromException(e);
            }
        }

        protected override bool TryComplete(out int result)
        {
            result = 0;
            while (!_left.IsEmpty)
            {
                int count = Descriptor.TryWrite(_left.Span, out Errno errno);
                if (errno == Errno.EAGAIN)
                    return false;
                if (count < 0)
                    throw new LinuxException(errno, "write", Descriptor.ToString());
                _left = _left[count..];
            }
            return true;
        }

        protected override void Release() => _left = default;
    }
}
