using Linux;
using Shim.Logging;

namespace Shim.Io;

/// <summary>
/// Standard streams that the container uses directly: its FIFOs, files and pipes are opened here and passed to runsc.
/// None of their data passes through the shim.
/// </summary>
internal sealed class PassedStdio : ProcessStdio
{
    /// <summary>fchown(2) leaves an owner or group of this value unchanged.</summary>
    private const uint Unchanged = uint.MaxValue;

    private readonly Descriptor?[] _container = new Descriptor?[3];
    private readonly List<OutputFifo> _outputs = [];
    private Descriptor? _stdinKeptOpen;
    private LoggingProgram? _program;
    private bool _processEnded;

    private PassedStdio()
    {
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Descriptor?> Descriptors => _container;

    /// <inheritdoc/>
    public override string? ConsoleSocket => null;

    /// <summary>Opens the streams that the request names.</summary>
    /// <exception cref="IOException">A stream cannot be opened, or a logging program cannot be started.</exception>
    /// <exception cref="FormatException">A URI is invalid.</exception>
    public static async Task<PassedStdio> OpenAsync(
        StdioRequest request, StdioOwner owner, IChildProcesses processes, EventLoop loop, BlockingCalls blocking)
    {
        var stdio = new PassedStdio();
        try
        {
            await stdio.OpenAllAsync(request, owner, processes, loop, blocking);
            return stdio;
        }
        catch
        {
            await stdio.DisposeAsync();
            throw;
        }
    }

    /// <summary>Logs it if the logging program exits before the process: later output is lost.</summary>
    public void ReportLostProgram(ShimLog log, StdioRequest request, StdioOwner owner)
    {
        if (_program is { } program)
            LoopTask.Watch(async () =>
            {
                ProcessExit exit = await program.Exited;
                if (!_processEnded)
                    log.LoggerEnded(owner.ContainerId, StdioUri.Parse(request.Stdout).Path, exit.ExitCode);
            });
    }

    /// <inheritdoc/>
    public override Task HandedOverAsync()
    {
        CloseContainerEnds();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override void CloseStdin() => _stdinKeptOpen?.Dispose();

    /// <inheritdoc/>
    public override void Resize(int columns, int rows)
    {
        // There is no terminal; containerd's own shims ignore this too.
    }

    /// <inheritdoc/>
    public override void ProcessEnded()
    {
        _processEnded = true;
        CloseContainerEnds();
        CloseStdin();
        foreach (OutputFifo output in _outputs)
            output.CloseWhenRead();
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        _processEnded = true;
        CloseContainerEnds();
        CloseStdin();
        foreach (OutputFifo output in _outputs)
            output.Dispose();
        if (_program is not null)
            await _program.DisposeAsync();
    }

    private async Task OpenAllAsync(
        StdioRequest request, StdioOwner owner, IChildProcesses processes, EventLoop loop, BlockingCalls blocking)
    {
        if (request.Stdin.Length > 0)
        {
            StdioUri stdin = StdioUri.Parse(request.Stdin);
            if (stdin.Kind != StdioKind.Path)
                throw new FormatException($"stdin {stdin.Path.Short()}: only a FIFO can be read");
            (_stdinKeptOpen, _container[0]) = InputFifo.Open(stdin.Path);
        }
        StdioUri stdout = StdioUri.Parse(request.Stdout);
        switch (stdout.Kind)
        {
            // The URI of stderr is ignored: the file or the program receives both streams.
            case StdioKind.File:
                _container[1] = await OpenFileAsync(stdout.Path, blocking);
                _container[2] = _container[1]!.Duplicate();
                break;
            case StdioKind.Binary or StdioKind.BinaryV2:
                (_program, _container[1], _container[2]) =
                    await LoggingProgram.StartAsync(stdout, owner, processes, loop);
                break;
            default:
                _container[1] = await OpenOutputAsync(stdout, loop.Time, blocking);
                _container[2] = request.Stderr == request.Stdout
                    ? _container[1]?.Duplicate()
                    : await OpenOutputAsync(StdioUri.Parse(request.Stderr), loop.Time, blocking);
                break;
        }
        if (owner.Uid != 0 || owner.Gid != 0)
            ChangeOwner(owner.Uid == 0 ? Unchanged : owner.Uid, owner.Gid == 0 ? Unchanged : owner.Gid);
    }

    private void ChangeOwner(uint uid, uint gid)
    {
        foreach (Descriptor? descriptor in _container)
            if (descriptor is not null && Fifo.Is(descriptor))
                descriptor.ChangeOwner(uid, gid);
    }

    private async Task<Descriptor?> OpenOutputAsync(StdioUri uri, TimeProvider time, BlockingCalls blocking)
    {
        switch (uri.Kind)
        {
            case StdioKind.Null:
                return null;
            case StdioKind.File:
                return await OpenFileAsync(uri.Path, blocking);
            case StdioKind.Path when Fifo.Is(uri.Path):
                (OutputFifo kept, Descriptor container) = OutputFifo.Open(uri.Path, time);
                _outputs.Add(kept);
                return container;
            case StdioKind.Path:
                return await blocking.RunAsync(
                    "open", uri.Path, () => Descriptor.OpenToAppend(uri.Path, OpenFlags.O_WRONLY));
            default:
                throw new FormatException($"stderr {uri.Path.Short()}: a logging program must be named as stdout");
        }
    }

    private static Task<Descriptor> OpenFileAsync(string path, BlockingCalls blocking) =>
        blocking.RunAsync("open", path, () =>
        {
            const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
            Directory.CreateDirectory(Path.GetDirectoryName(path)!, OwnerOnly);
            return Descriptor.OpenToAppend(path);
        });

    private void CloseContainerEnds()
    {
        foreach (Descriptor? descriptor in _container)
            descriptor?.Dispose();
    }
}
