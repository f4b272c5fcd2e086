namespace Linux;

/// <summary>Posts continuations to an event loop. Sending works on the loop's thread only.</summary>
internal sealed class LoopContext(EventLoop loop) : SynchronizationContext
{
    public override void Post(SendOrPostCallback d, object? state) => loop.Post(d, state);

    public override void Send(SendOrPostCallback d, object? state)
    {
        loop.VerifyAccess();
        d(state);
    }

    public override SynchronizationContext CreateCopy() => this;
}
