using System.Diagnostics;
using Testing;

namespace Benchmarks;

/// <summary>Makes a FIFO and reads what is written to it, on a thread of its own.</summary>
/// <remarks>
/// It is opened for writing too: so opening does not wait for a writer, and writing one byte is how
/// <see cref="Dispose"/> ends a read that waits.
/// </remarks>
internal sealed class FifoReader : IDisposable
{
    private const int BufferBytes = 1 << 16;

    private readonly FileStream _fifo;
    private readonly Thread _thread;
    private readonly long _expected;
    private readonly TaskCompletionSource<TimeSpan> _received = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _ending;

    /// <param name="path">Where; nothing may be there.</param>
    /// <param name="expected">How many bytes <see cref="Received"/> waits for.</param>
    public FifoReader(string path, long expected = long.MaxValue)
    {
        NativeCalls.CreateFifo(path);
        _fifo = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        _expected = expected;
        _thread = new Thread(Read) { IsBackground = true, Name = path };
        _thread.Start();
    }

    /// <summary>The time from the first bytes to the last of those expected.</summary>
    public Task<TimeSpan> Received => _received.Task;

    public void Dispose()
    {
        _ending = true;
        _fifo.WriteByte(0);
        _thread.Join();
        _fifo.Dispose();
    }

    private void Read()
    {
        byte[] buffer = new byte[BufferBytes];
        long first = 0, total = 0;
        while (true)
        {
            int count = _fifo.Read(buffer);
            if (_ending)
                return;
            if (total == 0)
                first = Stopwatch.GetTimestamp();
            total += count;
            if (total >= _expected)
                _received.TrySetResult(Stopwatch.GetElapsedTime(first));
        }
    }
}
