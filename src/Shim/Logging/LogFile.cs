using Linux;

namespace Shim.Logging;

/// <summary>
/// A log file. It is opened and written by a thread of its own, since it may be on a file server that is gone. Lines
/// that come faster than they can be written are dropped.
/// </summary>
internal sealed class LogFile : IDisposable
{
    private const int MostWaiting = 1024;
    private const int StackBytes = 128 * 1024;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private static readonly TimeSpan s_flushBound = TimeSpan.FromMilliseconds(500);

    private readonly Queue<byte[]> _lines = new();
    private readonly string _path;
    private readonly Action<Exception> _failed;
    private readonly Thread _writer;
    private bool _ends;

    /// <summary>Begins to write a file, which is created with mode 0600, and its directory with 0700.</summary>
    /// <param name="path">The file.</param>
    /// <param name="failed">Called, on another thread, if it cannot be opened or written; then it is given up.</param>
    public LogFile(string path, Action<Exception> failed)
    {
        _path = path;
        _failed = failed;
        _writer = new Thread(Write, StackBytes) { Name = "log", IsBackground = true };
        _writer.Start();
    }

    /// <summary>Appends a line; never waits.</summary>
    public void Append(ReadOnlySpan<byte> line)
    {
        lock (_lines)
        {
            if (_ends || _lines.Count == MostWaiting)
                return;
            _lines.Enqueue(line.ToArray());
            Monitor.Pulse(_lines);
        }
    }

    /// <summary>Writes what waits, within half a second.</summary>
    public void Dispose()
    {
        lock (_lines)
        {
            _ends = true;
            Monitor.Pulse(_lines);
        }
        _writer.Join(s_flushBound);
    }

    private void Write()
    {
        try
        {
            if (Path.GetDirectoryName(_path) is { Length: > 0 } directory)
                Directory.CreateDirectory(directory, OwnerOnly);
            using Descriptor file = Descriptor.OpenToAppend(
                _path, OpenFlags.O_CREAT | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK);
            while (Next() is { } line)
                if (file.TryWrite(line, out Errno errno) < 0 && errno != Errno.EAGAIN)
                    throw new LinuxException(errno, "write", _path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            lock (_lines)
            {
                _ends = true;
                _lines.Clear();
            }
            _failed(e);
        }
    }

    /// <returns>The next line; null if there will be none.</returns>
    private byte[]? Next()
    {
        lock (_lines)
        {
            while (_lines.Count == 0 && !_ends)
                Monitor.Wait(_lines);
            return _lines.TryDequeue(out byte[]? line) ? line : null;
        }
    }
}
