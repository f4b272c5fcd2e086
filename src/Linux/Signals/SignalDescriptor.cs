using System.Runtime.InteropServices;

namespace Linux;

/// <summary>A received signal.</summary>
/// <param name="Signal">The number.</param>
/// <param name="Pid">The sender, 0 for the kernel.</param>
public readonly record struct SignalInfo(int Signal, int Pid);

/// <summary>
/// Awaits signals (signalfd(2)). Reliable only if every thread of the process blocks them, so the mask must be set
/// before the runtime creates its first thread: by the parent, or by <see cref="ProcessImage.Exec"/>. Equal signals
/// that are pending together arrive as one.
/// </summary>
public sealed class SignalDescriptor : IDisposable
{
    private readonly DescriptorStream _stream;
    private readonly byte[] _buffer = new byte[128];

    private SignalDescriptor(EventLoop loop, Descriptor descriptor) => _stream = new DescriptorStream(loop, descriptor);

    /// <summary>Opens a descriptor for a set of signals.</summary>
    /// <param name="loop">The loop on which they are awaited.</param>
    /// <param name="signals">The signals, which must be blocked in this thread.</param>
    /// <exception cref="InvalidOperationException">A signal is not blocked and would be lost.</exception>
    /// <exception cref="LinuxException">No descriptors are left.</exception>
    public static unsafe SignalDescriptor Open(EventLoop loop, SignalSet signals)
    {
        if (!SignalMask.Current.Contains(signals))
            throw new InvalidOperationException("signalfd: a signal is not blocked in this thread and would be lost");
        Libc.sigset_t mask = signals.Native;
        int fd = Libc.signalfd(-1, &mask, Libc.SFD_CLOEXEC | Libc.SFD_NONBLOCK);
        return new SignalDescriptor(loop, new Descriptor(LinuxException.ThrowIfFailed(fd, "signalfd")));
    }

    /// <summary>Waits for the next signal. One call at a time.</summary>
    /// <exception cref="ObjectDisposedException">The descriptor was disposed, perhaps during the wait.</exception>
    public async ValueTask<SignalInfo> ReadAsync()
    {
        int count = await _stream.ReadAsync(_buffer);
        if (count != _buffer.Length) // the kernel returns whole structures only
            throw new LinuxException(Errno.EIO, "read", "signalfd", $"{count} bytes");
        Libc.signalfd_siginfo info = MemoryMarshal.Read<Libc.signalfd_siginfo>(_buffer);
        return new SignalInfo((int)info.ssi_signo, (int)info.ssi_pid);
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();
}
