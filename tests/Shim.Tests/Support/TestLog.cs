using System.Text;
using Linux;
using Shim.Logging;

namespace Shim.Tests.Support;

/// <summary>A log whose lines a test reads. If it reads none, a line fails it: quiet code stays quiet.</summary>
internal sealed class TestLog : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly Descriptor _reader;
    private readonly List<byte> _read = [];
    private bool _looked;

    public TestLog()
    {
        NativeCalls.CreateFifo(_directory["fifo"]);
        _reader = NativeCalls.OpenFifoToRead(_directory["fifo"]);
        Log = new ShimLog(LogOutput.Open(_directory["fifo"]));
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
        _reader.Dispose();
        _directory.Dispose();
        if (!_looked)
            Assert.Empty(lines);
    }

    private string[] Read()
    {
        byte[] buffer = new byte[4096];
        while (NativeCalls.ReadAvailable(_reader, buffer) is > 0 and int count)
            _read.AddRange(buffer.AsSpan(0, count));
        return [.. Encoding.UTF8.GetString(_read.ToArray())
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(WithoutTime)];
    }

    private static string WithoutTime(string line) =>
        line[(line.IndexOf(" level=", StringComparison.Ordinal) + 1)..];
}
