using Shim.Configuration;
using Shim.Logging;

namespace Shim.Tests.Support;

/// <summary>A log whose lines a test reads. If it reads none, a line fails it: quiet code stays quiet.</summary>
internal sealed class TestLog : IDisposable
{
    private readonly TempDirectory _directory = new();
    private bool _looked;

    public TestLog()
    {
        // A FIFO that nobody reads, so that nothing goes to the runner's standard error.
        NativeCalls.CreateFifo(_directory["fifo"]);
        Log = new ShimLog(LogOutput.Open(_directory["fifo"]));
        Log.Configure(ShimConfiguration.Default with { LogPath = _directory["log"] }, "test", debug: false);
    }

    public ShimLog Log { get; }

    /// <summary>All lines so far, without their times.</summary>
    public string[] Lines
    {
        get
        {
            _looked = true;
            return Read();
        }
    }

    public void Dispose()
    {
        string[] lines = Read();
        Log.Dispose();
        _directory.Dispose();
        if (!_looked)
            Assert.Empty(lines);
    }

    private string[] Read() => [.. File.ReadAllLines(_directory["log"]).Select(WithoutTime)];

    private static string WithoutTime(string line) =>
        line[(line.IndexOf(" level=", StringComparison.Ordinal) + 1)..];
}
