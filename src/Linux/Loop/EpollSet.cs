using System.Runtime.CompilerServices;

namespace Linux;

/// <summary>The epoll instance of an event loop: the descriptors it watches, and an eventfd that wakes it.</summary>
/// <remarks>
/// Descriptors are registered once, edge-triggered, for both directions. Operations try the system call first and wait
/// only after EAGAIN. The edge that ends the wait comes after that EAGAIN, so none is missed; a busy connection costs
/// no epoll_ctl per wait, and an idle one costs none at all. The eventfd is edge-triggered too and is never read: each
/// write is a new edge, and its counter does not overflow in the life of a machine.
/// </remarks>
internal sealed unsafe class EpollSet : IDisposable
{
    private const int EventsPerWait = 64;
    private const int MaxEventBytes = 16;
    private const ulong WakeKey = ulong.MaxValue;

    /// <summary>The size of the buffer that <see cref="Wait"/> fills.</summary>
    internal const int BufferBytes = EventsPerWait * MaxEventBytes;

    private readonly Descriptor _epoll;
    private readonly Descriptor _wake;
    private Readiness?[] _slots = new Readiness?[16];
    private uint _generation;

    private EpollSet(Descriptor epoll, Descriptor wake)
    {
        _epoll = epoll;
        _wake = wake;
        Control(Libc.EPOLL_CTL_ADD, wake, Libc.EPOLLIN | Libc.EPOLLET, WakeKey);
    }

    /// <exception cref="LinuxException">No descriptors are left.</exception>
    internal static EpollSet Create()
    {
        Descriptor epoll = new(LinuxException.ThrowIfFailed(Libc.epoll_create1(Libc.EPOLL_CLOEXEC), "epoll_create1"));
        try
        {
            int wake = Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK);
            return new EpollSet(epoll, new Descriptor(LinuxException.ThrowIfFailed(wake, "eventfd")));
        }
        catch
        {
            epoll.Dispose();
            throw;
        }
    }

    /// <summary>Adds a descriptor.</summary>
    /// <returns>The key of its events: the slot in the low half and a fresh generation in the high half, so that an
    /// event reported for a closed descriptor is never delivered to the next user of its slot.</returns>
    internal ulong Add(Readiness readiness, Descriptor descriptor)
    {
        int slot = Array.IndexOf(_slots, null);
        if (slot < 0)
        {
            slot = _slots.Length;
            Array.Resize(ref _slots, _slots.Length * 2);
        }
        _generation = (_generation % int.MaxValue) + 1;
        ulong key = ((ulong)_generation << 32) | (uint)slot;
        const uint Both = Libc.EPOLLIN | Libc.EPOLLOUT | Libc.EPOLLRDHUP | Libc.EPOLLET;
        Control(Libc.EPOLL_CTL_ADD, descriptor, Both, key);
        _slots[slot] = readiness;
        return key;
    }

    /// <summary>Removes a descriptor before it is closed. After <see cref="Dispose"/> only its slot is
    /// cleared.</summary>
    internal void Remove(ulong key, Descriptor descriptor)
    {
        _slots[(uint)key] = null;
        // Closing alone is not enough: a duplicate of the open file would keep the registration alive.
        if (!_epoll.IsClosed)
            Control(Libc.EPOLL_CTL_DEL, descriptor, 0, key);
    }

    /// <summary>Waits for events.</summary>
    /// <param name="events">Room for <see cref="BufferBytes"/>.</param>
    /// <param name="milliseconds">How long; -1 without limit.</param>
    /// <returns>The number of events; 0 if the time has passed or a signal ended the wait early (the runtime suspends
    /// threads by one).</returns>
    internal int Wait(byte* events, int milliseconds)
    {
        int count = Libc.epoll_wait(_epoll, events, EventsPerWait, milliseconds);
        if (count >= 0)
            return count;
        if (LinuxException.LastErrno != Errno.EINTR)
            LinuxException.ThrowLast("epoll_wait");
        return 0;
    }

    /// <summary>Delivers the events that <see cref="Wait"/> returned.</summary>
    /// <param name="events">The events.</param>
    /// <param name="count">Their number.</param>
    /// <param name="failed">Called with an exception that escapes; null: it goes to the caller.</param>
    internal void Deliver(byte* events, int count, Action<Exception>? failed)
    {
        for (int i = 0; i < count; i++)
        {
            byte* one = events + (i * Libc.EpollEventSize);
            uint ready = Unsafe.ReadUnaligned<uint>(one);
            ulong key = Unsafe.ReadUnaligned<ulong>(one + Libc.EpollDataOffset);
            if (key != WakeKey && _slots[(uint)key] is { } readiness && readiness.Key == key)
                try
                {
                    readiness.Signal(ready);
                }
                catch (Exception e) when (failed is not null)
                {
                    failed(e);
                }
        }
    }

    /// <summary>Ends a wait, from any thread.</summary>
    internal void Wake()
    {
        ReadOnlySpan<byte> one = [1, 0, 0, 0, 0, 0, 0, 0];
        if (_wake.TryWrite(one, out Errno errno) < 0)
            throw new LinuxException(errno, "write", "eventfd");
    }

    public void Dispose()
    {
        _epoll.Dispose();
        _wake.Dispose();
    }

    private void Control(int operation, Descriptor descriptor, uint events, ulong key)
    {
        byte* request = stackalloc byte[MaxEventBytes];
        Unsafe.WriteUnaligned(request, events);
        Unsafe.WriteUnaligned(request + Libc.EpollDataOffset, key);
        LinuxException.ThrowIfFailed(Libc.epoll_ctl(_epoll, operation, descriptor, request), "epoll_ctl",
            descriptor.ToString());
    }
}
