namespace Linux.Tests.Peer;

internal static class Loops
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(60);

    /// <summary>Runs a body on a fresh loop, with a bound.</summary>
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
}
