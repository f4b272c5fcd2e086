using Linux;
using Serilog.Core;
using Serilog.Events;

namespace Shim.Logging;

/// <summary>Where log lines go: a FIFO or standard error, to which a write never waits, and files.</summary>
internal sealed class LogOutput : ILogEventSink, IDisposable
{
    private readonly Descriptor? _fifo;
    private readonly List<LogFile> _files = [];
    private readonly LogrusLine _line = new();
    private readonly bool _toStandardError;

    private LogOutput(Descriptor? fifo)
    {
        _fifo = fifo;
        _toStandardError = fifo is null;
    }

    /// <summary>The FIFO at <paramref name="path"/>, or standard error if there is none.</summary>
    /// <remarks>
    /// The FIFO is opened for reading too: then the open does not wait for a reader, and a reader that goes away causes
    /// neither an error nor a signal. The descriptor does not block, so a full FIFO rejects the line.
    /// </remarks>
    public static LogOutput Open(string path)
    {
        try
        {
            if (Fifo.Is(path))
                return new LogOutput(Fifo.OpenBoth(path));
        }
        catch (LinuxException)
        {
            // Standard error is used instead; there is nowhere to report why.
        }
        return StandardError();
    }

    /// <summary>Standard error.</summary>
    public static LogOutput StandardError() => new(null);

    /// <summary>Also writes to this file.</summary>
    /// <inheritdoc cref="LogFile(string, Action{Exception})"/>
    public void AddFile(string path, Action<Exception> failed)
    {
        lock (_line)
            _files.Add(new LogFile(path, failed));
    }

    /// <inheritdoc/>
    public void Emit(LogEvent logEvent)
    {
        lock (_line)
        {
            LogrusFormatter.Format(logEvent, _line);
            _fifo?.TryWrite(_line.Bytes, out _); // a rejected line is dropped: logging never waits
            foreach (LogFile file in _files)
                file.Append(_line.Bytes);
            if (_toStandardError)
                StandardIo.TryWriteError(_line.Bytes);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _fifo?.Dispose();
        foreach (LogFile file in _files)
            file.Dispose();
    }
}
