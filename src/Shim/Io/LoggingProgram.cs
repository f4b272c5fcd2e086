using Linux;

namespace Shim.Io;

/// <summary>A user's program that receives a container's output: containerd's <c>binary:</c> logging.</summary>
/// <remarks>
/// It reads the container's stdout on descriptor 3 and its stderr on 4, and reports on 5 that it is ready. Its
/// environment is CONTAINER_ID and CONTAINER_NAMESPACE only. It exits by itself after it has read both to the end.
/// </remarks>
internal sealed class LoggingProgram : IAsyncDisposable
{
    private static readonly TimeSpan s_readyBound = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_drainBound = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_terminateBound = TimeSpan.FromSeconds(2);

    private readonly ChildProcess _process;
    private readonly TimeProvider _time;

    private LoggingProgram(ChildProcess process, TimeProvider time) => (_process, _time) = (process, time);

    /// <summary>Its exit.</summary>
    public Task<ProcessExit> Exited => _process.Exited;

    /// <summary>Starts the program and waits until it is ready.</summary>
    /// <returns>The program, and the ends of its pipes to which the container writes.</returns>
    /// <exception cref="IOException">It cannot be started, or is not ready within 10 s.</exception>
    public static async Task<(LoggingProgram Program, Descriptor Stdout, Descriptor Stderr)> StartAsync(
        StdioUri uri, StdioOwner owner, IChildProcesses processes, EventLoop loop)
    {
        (Descriptor outRead, Descriptor outWrite) = Descriptor.Pipe();
        (Descriptor errRead, Descriptor errWrite) = Descriptor.Pipe();
        (Descriptor readyRead, Descriptor readyWrite) = Descriptor.Pipe();
        LoggingProgram? program = null;
        try
        {
            using (outRead)
            using (errRead)
            using (readyWrite)
            {
                program = new LoggingProgram(processes.Spawn(new SpawnRequest
                {
                    Path = uri.Path,
                    Arguments = [uri.Path, .. uri.Arguments],
                    Environment = [$"CONTAINER_ID={owner.ContainerId}", $"CONTAINER_NAMESPACE={owner.Namespace}"],
                    Descriptors = [null, null, null, outRead, errRead, readyWrite],
                }), loop.Time);
            }
            using DescriptorStream ready = new(loop, readyRead);
            byte[] answer = new byte[1];
            int count;
            try
            {
                using CancellationTokenSource bound = new(s_readyBound, loop.Time);
                count = await ready.ReadAsync(answer, bound.Token);
            }
            catch (OperationCanceledException)
            {
                throw new IOException($"logging program {uri.Path}: not ready after {s_readyBound.TotalSeconds:0} s");
            }
            if (count == 0 && uri.Kind == StdioKind.BinaryV2)
                throw new IOException($"logging program {uri.Path}: closed its ready pipe without writing to it");
            return (program, outWrite, errWrite);
        }
        catch
        {
            outWrite.Dispose();
            errWrite.Dispose();
            readyRead.Dispose();
            if (program is not null)
                await program.KillAsync();
            throw;
        }
    }

    /// <summary>Lets it read to the end, then sends SIGTERM, then SIGKILL; takes 7 s at most.</summary>
    public async ValueTask DisposeAsync()
    {
        if (await EndsWithinAsync(s_drainBound))
            return;
        _process.Kill(Signals.SIGTERM);
        if (!await EndsWithinAsync(s_terminateBound))
            await KillAsync();
    }

    private async Task KillAsync()
    {
        _process.Kill(Signals.SIGKILL);
        await EndsWithinAsync(s_terminateBound);
    }

    private async Task<bool> EndsWithinAsync(TimeSpan bound)
    {
        try
        {
            await _process.Exited.WaitAsync(bound, _time);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }
}
