using System.Text;
using Linux;
using Serilog.Core;
using Serilog.Events;

namespace Shim.Logging;

/// <summary>Where log lines go: descriptors that are written to without ever waiting.</summary>
internal sealed class LogOutput : ILogEventSink, IDisposable
{
    private readonly List<Descriptor> _descriptors = [];
    private readonly StringBuilder _line = new();
    private readonly StringWriter _writer;

    private readonly bool _toStandardError;

    private LogOutput(Descriptor? fifo)
    {
        if (fifo is not null)
            _descriptors.Add(fifo);
        _toStandardError = fifo is null;
        _writer = new StringWriter(_line);
    }

    /// <summary>The FIFO at <paramref name="path"/>; standard error where there is none.</summary>
    /// <remarks>
    /// Opened for reading too: then opening does not wait for a reader, and a reader that goes away makes neither an
    /// error nor a signal. A full FIFO refuses the line, since the descriptor does not block.
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
            // Standard error it is; there is nowhere to say why.
        }
        return StandardError();
    }

    /// <summary>Standard error.</summary>
    public static LogOutput StandardError() => new(null);

    /// <summary>Writes to this file too, made with mode 0600.</summary>
    /// <exception cref="LinuxException">It cannot be opened.</exception>
    public void AddFile(string path) => _descriptors.Add(
        Descriptor.OpenToAppend(path, OpenFlags.O_CREAT | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK));

    /// <inheritdoc/>
    public void Emit(LogEvent logEvent)
    {
        lock (_line)
        {
            _line.Clear();
            LogrusFormatter.Format(logEvent, _writer);
            byte[] bytes = Encoding.UTF8.GetBytes(_line.ToString());
            foreach (Descriptor descriptor in _descriptors)
                descriptor.TryWrite(bytes, out _); // a line that is not taken is dropped: logging never waits
            if (_toStandardError)
                StandardIo.TryWriteError(bytes);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Descriptor descriptor in _descriptors)
            descriptor.Dispose();
    }
}
