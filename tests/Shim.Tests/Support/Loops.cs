using Linux;

namespace Shim.Tests.Support;

/// <summary>
/// Runs a test on an event loop of its own. Every wait of a test has an end; a good test never reaches it.
/// </summary>
internal static class Loops
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(30);

    public static void Run(Func<EventLoop, Task> body)
    {
        using EventLoop loop = EventLoop.Create();
        loop.Run(() => body(loop).WaitAsync(s_bound, loop.Time));
    }
}
