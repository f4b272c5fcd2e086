namespace Linux;

/// <summary>Receives an open descriptor from another process over a unix socket (SCM_RIGHTS, unix(7)).</summary>
internal static class DescriptorMessage
{
    private const int HeaderBytes = 16;
    // The kernel passes at most SCM_MAX_FD = 253 descriptors in one message.
    private const int ControlBytes = HeaderBytes + (256 * sizeof(int));
    private const int PayloadBytes = 4096;

    /// <summary>Waits for a message with a descriptor. One is expected; further ones are closed, whether they are in
    /// the same control message or in others. Messages without a descriptor are dropped.</summary>
    /// <param name="connection">The connection; nothing else may read from it meanwhile.</param>
    /// <param name="cancellationToken">Bounds the wait.</param>
    /// <exception cref="LinuxException">EPROTO: the peer closed the connection without sending one.</exception>
    internal static async ValueTask<Descriptor> ReceiveAsync(UnixConnection connection,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return new Descriptor(await new Receiver(connection.Stream.Readiness).ReceiveAsync(cancellationToken));
    }

    private sealed class Receiver(Readiness readiness) : ReadyWait(readiness, isWrite: false)
    {
        internal ValueTask<int> ReceiveAsync(CancellationToken token)
        {
            VerifyIdle();
            return Start(out int fd, token) ? new(fd) : new(this, Version);
        }

        protected override unsafe bool TryComplete(out int result)
        {
            byte* payload = stackalloc byte[PayloadBytes];
            ulong* control = stackalloc ulong[ControlBytes / sizeof(ulong)];
            while (true)
            {
                Libc.iovec bytes = new() { iov_base = payload, iov_len = PayloadBytes };
                Libc.msghdr message = new()
                {
                    msg_iov = &bytes,
                    msg_iovlen = 1,
                    msg_control = control,
                    msg_controllen = ControlBytes,
                };
                result = (int)Libc.recvmsg(Descriptor, &message, Libc.MSG_CMSG_CLOEXEC);
                if (result < 0 && LinuxException.LastErrno == Errno.EAGAIN)
                    return false;
                if (result < 0 && LinuxException.LastErrno == Errno.EINTR)
                    continue;
                LinuxException.ThrowIfFailed(result, "recvmsg", Descriptor.ToString());
                int count = result;
                if (TakeFirst((byte*)control, (int)message.msg_controllen, out result))
                    return true;
                if (count == 0)
                    throw new LinuxException(Errno.EPROTO, "recvmsg", Descriptor.ToString(),
                        "the peer closed the connection without sending a descriptor");
            }
        }

        /// <summary>Walks every control message, keeps the first descriptor and closes the others.</summary>
        private static unsafe bool TakeFirst(byte* control, int length, out int first)
        {
            first = -1;
            for (int at = 0; length - at >= HeaderBytes;)
            {
                Libc.cmsghdr* header = (Libc.cmsghdr*)(control + at);
                int size = (int)header->cmsg_len;
                if (size < HeaderBytes || size > length - at)
                    break;
                if (header->cmsg_level == Libc.SOL_SOCKET && header->cmsg_type == Libc.SCM_RIGHTS)
                {
                    ReadOnlySpan<int> fds = new(control + at + HeaderBytes, (size - HeaderBytes) / sizeof(int));
                    foreach (int fd in fds)
                    {
                        if (first < 0)
                            first = fd;
                        else
                            new Descriptor(fd).Dispose();
                    }
                }
                at += (size + 7) & ~7; // CMSG_ALIGN
            }
            return first >= 0;
        }
    }
}
