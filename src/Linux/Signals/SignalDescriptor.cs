using System.Runtime.InteropServices;

namespace Linux;

/// <summary>A signal that arrived.</summary>
/// <param name="Signal">Its number.</param>
/// <param name="Pid">Who sent it, 0 for the kernel.</param>
public readonly record struct SignalInfo(int Signal, int Pid);

/// <summary>
/// Signals as something to await (signalfd(2)). Reliable only when every thread of the process has them blocked, so
/// the mask must have been set before the runtime made its first thread: by the parent, or by
/// <see cref="ProcessImage.Exec"/>. Equal signals that are pending together arrive as one.
/// </summary>
public sealed class SignalDescriptor : IDisposable
{
    private readonly DescriptorStream _stream;
    private readonly byte[] _buffer = new byte[128];

    private SignalDescriptor(EventLoop loop, Descriptor descriptor) => _stream = new DescriptorStream(loop, descriptor);

    /// <summary>Opens a descriptor for these signals.</summary>
    /// <param name="loop">The loop that awaits them.</param>
    /// <param name="signals">The signals, which must be blocked in this thread.</param>
    /// <exception cref="InvalidOperationException">One of them is not blocked: it would be lost.</exception>
    /// <exception cref="LinuxException">No descriptors are left.</exception>
    public static unsafe SignalDescriptor Open(EventLoop loop, SignalSet signals)
    {
        if (!SignalMask.Current.Contains(signals))
            throw new InvalidOperationException("A signal is only received by a descriptor while it is blocked.");
        Libc.sigset_t mask = signals.Native;
        int fd = Libc.signalfd(-1, &mask, Libc.SFD_CLOEXEC | Libc.SFD_NONBLOCK);
        return new SignalDescriptor(loop, new Descriptor(LinuxException.ThrowIfFailed(fd, "signalfd")));
    }

    /// <summary>Waits for the next signal. One call at a time.</summary>
    /// <exception cref="ObjectDisposedException">This was disposed, perhaps while it waited.</exception>
    public async ValueTask<SignalInfo> ReadAsync()
    {
        int count = await _stream.ReadAsync(_buffer);
        if (count != _buffer.Length) // the kernel hands out whole structures only
            throw new LinuxException(Errno.EIO, "read", "signalfd", $"{count} bytes");
        Libc.signalfd_siginfo info = MemoryMarshal.Read<Libc.signalfd_siginfo>(_buffer);
        return new SignalInfo((int)info.ssi_signo, (int)info.ssi_pid);
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();
}
