namespace Linux.Tests.Peer;

/// <summary>Runs a test on a new event loop, with a time limit.</summary>
internal static class Loops
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(60);

    /// <summary>Runs a body.</summary>
    public static void Run(Func<EventLoop, Task> body)
    {
        using EventLoop loop = EventLoop.Create();
        loop.Run(() => body(loop).WaitAsync(s_bound, loop.Time));
    }

    /// <inheritdoc cref="Run(Func{EventLoop, Task})"/>
    public static T Run<T>(Func<EventLoop, Task<T>> body)
    {
        T result = default!;
        Run(async loop => { result = await body(loop); });
        return result;
    }

    /// <summary>Completes when the loop has delivered all events that are ready now.</summary>
    public static async Task DeliverReadyEvents(EventLoop loop)
    {
        // epoll reports descriptors in the order in which they became ready.
        (Descriptor read, Descriptor write) = Descriptor.Pipe();
        using DescriptorStream last = new(loop, read);
        using (write)
        {
            ValueTask<int> delivered = last.ReadAsync(new byte[1]);
            Assert.Equal(1, write.TryWrite(new byte[1], out _));
            await delivered;
        }
    }
}
