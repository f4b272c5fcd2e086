namespace Linux;

/// <summary>
/// A stream over a descriptor on an event loop: a socket, FIFO, pipe, pty master or eventfd. One read and one write at
/// a time, from the loop's thread; both may wait at the same time. Waiting allocates nothing.
/// </summary>
/// <remarks>Reading a pty master whose slaves are all closed fails with EIO; that is its end of file. The synchronous
/// members are not supported, because they would block the loop.</remarks>
public sealed class DescriptorStream : Stream
{
    private readonly Readiness _readiness;
    private readonly Reader _reader;
    private readonly Writer _writer;

    /// <summary>Takes over a descriptor and makes it non-blocking, which affects every process that shares the open
    /// file.</summary>
    /// <param name="loop">The loop whose thread uses the stream.</param>
    /// <param name="descriptor">Closed with the stream.</param>
    /// <exception cref="LinuxException">The descriptor's flags cannot be set; the caller still owns it.</exception>
    public DescriptorStream(EventLoop loop, Descriptor descriptor)
    {
        ArgumentNullException.ThrowIfNull(loop);
        ArgumentNullException.ThrowIfNull(descriptor);
        descriptor.SetNonBlocking();
        _readiness = new Readiness(loop, descriptor);
        _reader = new Reader(_readiness);
        _writer = new Writer(_readiness);
    }

    /// <summary>The descriptor, owned by the stream.</summary>
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

    /// <summary>Reads the available bytes, waiting for at least one.</summary>
    /// <returns>The number of bytes; 0 at the end.</returns>
    /// <exception cref="LinuxException">read(2) failed.</exception>
    /// <exception cref="ObjectDisposedException">The stream was closed, perhaps during the wait.</exception>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _reader.ReadAsync(buffer, cancellationToken);

    /// <summary>Writes all of <paramref name="buffer"/>. A cancelled write may have been written in part.</summary>
    /// <exception cref="LinuxException">write(2) failed; EPIPE: there is no reader left.</exception>
    /// <exception cref="ObjectDisposedException">The stream was closed, perhaps during the wait.</exception>
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

    /// <summary>Not supported, because it would block the loop.</summary>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <summary>Not supported, because it would block the loop.</summary>
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
