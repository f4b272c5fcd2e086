namespace Linux;

/// <summary>
/// A descriptor's registration in the loop's epoll set, and the operations that wait for it, at most one in each
/// direction. It is registered at the first wait, which many descriptors never need. Owns the descriptor. Loop thread
/// only.
/// </summary>
internal sealed class Readiness(EventLoop loop, Descriptor descriptor) : IDisposable
{
    private const uint NoKey = 0;
    private ReadyWait? _reader;
    private ReadyWait? _writer;

    internal EventLoop Loop => loop;

    internal Descriptor Descriptor => descriptor;

    /// <summary>The key of its epoll events; 0 while it is not registered (generations start at 1).</summary>
    internal ulong Key { get; private set; }

    internal void Wait(ReadyWait operation)
    {
        if (Key == NoKey)
            Key = loop.Register(this, descriptor);
        Enter(operation);
    }

    /// <summary>The operation is under way, but does not wait for the descriptor yet: a regular file, for one, cannot
    /// be registered, and is always ready.</summary>
    internal void Enter(ReadyWait operation) => (operation.IsWrite ? ref _writer : ref _reader) = operation;

    internal void Leave(ReadyWait operation) => (operation.IsWrite ? ref _writer : ref _reader) = null;

    /// <summary>Lets the waiting operations try again. An error or a hang-up concerns both directions; the system call
    /// returns the details.</summary>
    internal void Signal(uint events)
    {
        const uint Broken = Libc.EPOLLERR | Libc.EPOLLHUP;
        if ((events & (Libc.EPOLLIN | Libc.EPOLLRDHUP | Broken)) != 0)
            _reader?.Retry();
        if ((events & (Libc.EPOLLOUT | Broken)) != 0)
            _writer?.Retry();
    }

    /// <summary>Closes the descriptor; waiting operations fail with <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        if (descriptor.IsClosed)
            return;
        if (Key != NoKey)
        {
            loop.Unregister(Key, descriptor);
            Key = NoKey;
        }
        descriptor.Dispose();
        _reader?.Abort();
        _writer?.Abort();
    }
}
