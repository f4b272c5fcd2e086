using Linux;
using Serilog.Core;
using Serilog.Events;

namespace Shim.Logging;

/// <summary>Where log lines go: descriptors to which a write never waits.</summary>
internal sealed class LogOutput : ILogEventSink, IDisposable
{
    private readonly List<Descriptor> _descriptors = [];
    private readonly LogrusLine _line = new();
    private readonly bool _toStandardError;

    private LogOutput(Descriptor? fifo)
    {
        if (fifo is not null)
            _descriptors.Add(fifo);
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

    /// <summary>Also writes to this file, which is created with mode 0600.</summary>
    /// <exception cref="LinuxException">It cannot be opened.</exception>
    public void AddFile(string path) => _descriptors.Add(
        Descriptor.OpenToAppend(path, OpenFlags.O_CREAT | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK));

    /// <inheritdoc/>
    public void Emit(LogEvent logEvent)
    {
        lock (_line)
        {
            LogrusFormatter.Format(logEvent, _line);
            foreach (Descriptor descriptor in _descriptors)
                descriptor.TryWrite(_line.Bytes, out _); // a rejected line is dropped: logging never waits
            if (_toStandardError)
                StandardIo.TryWriteError(_line.Bytes);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Descriptor descriptor in _descriptors)
            descriptor.Dispose();
    }
}
