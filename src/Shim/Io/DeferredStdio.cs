using Linux;

namespace Shim.Io;

/// <summary>The standard streams of an exec, which are opened when it is started.</summary>
/// <remarks>
/// Not before, as in other shims: a client whose containerd is gone between Exec and Start reads the output to its end,
/// and that would never come from FIFOs that the shim holds open.
/// </remarks>
/// <param name="open">Opens them.</param>
internal sealed class DeferredStdio(Func<Task<ProcessStdio>> open) : ProcessStdio
{
    private ProcessStdio? _opened;
    private bool _stdinIsClosed;
    private (int Columns, int Rows)? _size;

    /// <inheritdoc/>
    public override IReadOnlyList<Descriptor?> Descriptors => Opened.Descriptors;

    /// <inheritdoc/>
    public override string? ConsoleSocket => Opened.ConsoleSocket;

    private ProcessStdio Opened => _opened ?? throw new InvalidOperationException("the streams are not open");

    /// <summary>Opens them; what was requested until then is done now.</summary>
    /// <exception cref="IOException">A stream cannot be opened, or a logging program cannot be started.</exception>
    /// <exception cref="FormatException">A URI is invalid.</exception>
    public async Task OpenAsync()
    {
        _opened = await open();
        if (_size is { } size)
            _opened.Resize(size.Columns, size.Rows);
        if (_stdinIsClosed)
            _opened.CloseStdin();
    }

    /// <inheritdoc/>
    public override Task HandedOverAsync() => Opened.HandedOverAsync();

    /// <inheritdoc/>
    public override void CloseStdin()
    {
        _stdinIsClosed = true;
        _opened?.CloseStdin();
    }

    /// <inheritdoc/>
    public override void Resize(int columns, int rows)
    {
        _size = (columns, rows);
        _opened?.Resize(columns, rows);
    }

    /// <inheritdoc/>
    public override void ProcessEnded() => _opened?.ProcessEnded();

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => _opened?.DisposeAsync() ?? ValueTask.CompletedTask;
}
