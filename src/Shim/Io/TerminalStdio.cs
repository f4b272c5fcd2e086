using System.Buffers;
using Linux;
using Shim.Logging;

namespace Shim.Io;

/// <summary>
/// A process's terminal: runsc sends its master to the shim, which copies between the terminal and the FIFOs.
/// </summary>
/// <remarks>
/// When the end of a process is known, everything that it wrote is in the terminal. But the terminal's end of file
/// comes only when the sandbox closes it, which may take long. So after the process has ended, the copy continues
/// until the terminal has been quiet for 100 ms.
/// </remarks>
internal sealed class TerminalStdio : ProcessStdio
{
    private const int BufferBytes = 4096;
    private static readonly TimeSpan s_handOverBound = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_quiet = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_drainBound = TimeSpan.FromSeconds(2);

    private readonly EventLoop _loop;
    private readonly ShimLog _log;
    private readonly string _containerId;
    private readonly PassedStdio _output;
    private readonly Descriptor? _stdinKeptOpen;
    private readonly DescriptorStream? _stdin;
    private readonly ConsoleSocket _socket;
    private readonly CancellationTokenSource _endOfProcess = new();
    private DescriptorStream? _terminal;
    private DescriptorStream? _sink;
    private Task _copyOutput = Task.CompletedTask;
    private Task _copyInput = Task.CompletedTask;
    private Task _fileWritten = Task.CompletedTask;
    private (int Columns, int Rows)? _size;
    private bool _processEnded;
    private bool _disposed;

    private TerminalStdio(
        EventLoop loop, ShimLog log, string containerId, PassedStdio output,
        (Descriptor KeptOpen, Descriptor Read)? stdin, ConsoleSocket socket)
    {
        _loop = loop;
        _log = log;
        _containerId = containerId;
        _output = output;
        _stdinKeptOpen = stdin?.KeptOpen;
        _stdin = stdin is { } input ? new DescriptorStream(loop, input.Read) : null;
        _socket = socket;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Descriptor?> Descriptors => [null, null, null];

    /// <inheritdoc/>
    public override string? ConsoleSocket => _socket.Path;

    /// <summary>Opens the streams that the request names, and a socket for the terminal.</summary>
    /// <exception cref="IOException">A stream cannot be opened, or a logging program cannot be started.</exception>
    /// <exception cref="FormatException">A URI is invalid.</exception>
    public static async Task<TerminalStdio> OpenAsync(
        StdioRequest request, StdioOwner owner, IChildProcesses processes, EventLoop loop, BlockingCalls blocking,
        ShimLog log)
    {
        StdioUri stdin = StdioUri.Parse(request.Stdin);
        if (stdin.Kind is not StdioKind.Path and not StdioKind.Null)
            throw new FormatException($"stdin {stdin.Path.Short()}: only a FIFO can be read");
        // A terminal has one output.
        PassedStdio output = await PassedStdio.OpenAsync(
            request with { Stdin = "", Stderr = "" }, owner, processes, loop, blocking);
        output.ReportLostProgram(log, request, owner);
        (Descriptor KeptOpen, Descriptor Read)? input = null;
        try
        {
            if (stdin.Kind == StdioKind.Path)
                input = InputFifo.Open(stdin.Path);
            return new TerminalStdio(
                loop, log, owner.ContainerId, output, input, ConsoleSocketIn(owner.ConsoleDirectory));
        }
        catch
        {
            input?.KeptOpen.Dispose();
            input?.Read.Dispose();
            await output.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public override async Task HandedOverAsync()
    {
        _terminal = new DescriptorStream(_loop, await _socket.ReceiveMasterAsync(s_handOverBound));
        _socket.Dispose();
        if (_size is { } size)
            Resize(size.Columns, size.Rows);
        _copyOutput = CopyOutputAsync(_terminal);
        if (_stdin is not null)
            _copyInput = CopyInputAsync(_stdin, _terminal);
    }

    /// <inheritdoc/>
    public override void CloseStdin() => _stdinKeptOpen?.Dispose();

    /// <inheritdoc/>
    public override void Resize(int columns, int rows)
    {
        _size = (columns, rows);
        if (_terminal is { CanWrite: true } terminal)
            Pty.Resize(terminal.Descriptor, columns, rows);
    }

    /// <inheritdoc/>
    public override void ProcessEnded()
    {
        // A start that fails disposes the streams before it reports the end of the process.
        if (_disposed)
            return;
        _processEnded = true;
        _endOfProcess.Cancel();
        if (_terminal is null)
            _output.ProcessEnded();
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        ProcessEnded();
        _disposed = true;
        try
        {
            await _copyOutput.WaitAsync(s_drainBound, _loop.Time);
        }
        catch (TimeoutException)
        {
            // Nobody reads the FIFO. Closing it, below, ends the copy.
        }
        _socket.Dispose();
        CloseStdin();
        _stdin?.Dispose();
        _sink?.Dispose();
        _terminal?.Dispose();
        await _output.DisposeAsync();
        await _copyOutput;
        await _copyInput;
        await LoopTask.AnyWithinAsync(s_drainBound, _loop.Time, _fileWritten);
        _endOfProcess.Dispose();
    }

    private static ConsoleSocket ConsoleSocketIn(string directory)
    {
        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(directory, OwnerOnly);
        return Linux.ConsoleSocket.Create(directory);
    }

    private async Task CopyOutputAsync(DescriptorStream terminal)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            if (_output.Descriptors[1] is { } stdout)
                _sink = new DescriptorStream(_loop, Fifo.Is(stdout) ? stdout.Duplicate() : OpenFile(stdout));
            while (await ReadOutputAsync(terminal, buffer) is > 0 and int count)
                await WriteOutputAsync(buffer.AsMemory(0, count));
        }
        catch (ObjectDisposedException)
        {
            // Deleted.
        }
        catch (IOException e)
        {
            _log.TerminalFailed(_containerId, e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            _sink?.Dispose();
            _output.ProcessEnded();
        }
    }

    private Descriptor OpenFile(Descriptor file)
    {
        (Descriptor pipe, _fileWritten) = FileSink.Open(_loop, file.Duplicate());
        LoopTask.Watch(async () =>
        {
            try
            {
                await _fileWritten;
            }
            catch (IOException e)
            {
                _log.TerminalFailed(_containerId, e);
            }
        });
        return pipe;
    }

    /// <summary>Reads output; returns 0 when the process has ended and the terminal has been quiet.</summary>
    private async Task<int> ReadOutputAsync(DescriptorStream terminal, byte[] buffer)
    {
        if (!_processEnded)
            try
            {
                return await terminal.ReadAsync(buffer, _endOfProcess.Token);
            }
            catch (OperationCanceledException)
            {
                // The process has just ended.
            }
        // The time runs only while there is nothing to read, not while a slow reader delays the copy.
        using CancellationTokenSource quiet = new(s_quiet, _loop.Time);
        try
        {
            return await terminal.ReadAsync(buffer, quiet.Token);
        }
        catch (OperationCanceledException)
        {
            return 0;
        }
    }

    /// <summary>
    /// Writes output. Output that can no longer be written is dropped: left in the terminal it would block the process.
    /// </summary>
    private async Task WriteOutputAsync(ReadOnlyMemory<byte> output)
    {
        if (_sink is null)
            return;
        try
        {
            await _sink.WriteAsync(output);
        }
        catch (IOException e)
        {
            _log.TerminalFailed(_containerId, e);
            _sink.Dispose();
            _sink = null;
        }
    }

    private async Task CopyInputAsync(DescriptorStream stdin, DescriptorStream terminal)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            while (await stdin.ReadAsync(buffer) is > 0 and int count)
                await terminal.WriteAsync(buffer.AsMemory(0, count));
        }
        catch (ObjectDisposedException)
        {
            // CloseIO, or deleted.
        }
        catch (IOException e)
        {
            _log.TerminalFailed(_containerId, e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
