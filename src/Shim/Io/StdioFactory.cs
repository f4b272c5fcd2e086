using Linux;
using Shim.Logging;

namespace Shim.Io;

/// <summary>Opens the standard streams of processes.</summary>
internal sealed class StdioFactory(EventLoop loop, IChildProcesses processes, BlockingCalls blocking, ShimLog log)
{
    /// <summary>Opens the streams that <paramref name="request"/> names, with or without a terminal.</summary>
    /// <exception cref="IOException">A stream cannot be opened, or a logging program cannot be started.</exception>
    /// <exception cref="FormatException">A URI is invalid.</exception>
    public async Task<ProcessStdio> OpenAsync(StdioRequest request, StdioOwner owner)
    {
        if (request.Terminal)
            return await TerminalStdio.OpenAsync(request, owner, processes, loop, blocking, log);
        PassedStdio passed = await PassedStdio.OpenAsync(request, owner, processes, loop, blocking);
        passed.ReportLostProgram(log, request, owner);
        return passed;
    }
}
