using Linux;
using Shim.Io;

namespace Shim.Tests.Support;

/// <summary>What tests of standard streams stand on: FIFOs, a reaper and a log.</summary>
internal sealed class StdioTest : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly TestLog _log = new();

    private StdioTest(EventLoop loop)
    {
        Loop = loop;
        Reaper = new Reaper(loop, SignalDescriptor.Open(loop, SignalSet.Of(Signals.SIGCHLD)));
        foreach (string name in (string[])["stdin", "stdout", "stderr"])
            NativeCalls.CreateFifo(_directory[name]);
    }

    public EventLoop Loop { get; }

    public Reaper Reaper { get; }

    public BlockingCalls Blocking => new(Loop, Loop.Time);

    public TestLog Log => _log;

    public string Stdin => _directory["stdin"];

    public string Stdout => _directory["stdout"];

    public string Stderr => _directory["stderr"];

    public TempDirectory Directory => _directory;

    public StdioOwner Owner => new("web", "k8s.io", _directory.Path, 0, 0);

    public static void Run(Func<StdioTest, Task> body) => Loops.Run(async loop =>
    {
        using StdioTest test = new(loop);
        await body(test);
    });

    public Task<PassedStdio> OpenAsync(string stdin, string stdout, string stderr) =>
        PassedStdio.OpenAsync(new StdioRequest(stdin, stdout, stderr, Terminal: false), Owner, Reaper, Loop,
            Blocking);

    public Task<TerminalStdio> OpenTerminalAsync(string stdin, string stdout) =>
        TerminalStdio.OpenAsync(new StdioRequest(stdin, stdout, "", Terminal: true), Owner, Reaper, Loop,
            Blocking, Log.Log);

    public void Dispose()
    {
        Reaper.Dispose();
        _log.Dispose();
        _directory.Dispose();
    }
}
