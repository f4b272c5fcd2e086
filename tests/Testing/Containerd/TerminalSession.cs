using System.Diagnostics;
using System.Text;
using Linux;
using Microsoft.Win32.SafeHandles;

namespace Testing;

/// <summary>A person at a terminal: a program runs on a real pty as its controlling terminal.</summary>
public sealed class TerminalSession : IDisposable
{
    private readonly Descriptor _master;
    private readonly Descriptor _slave;
    private readonly FileStream _stream;
    private readonly Process _process;
    private readonly StringBuilder _screen = new();

    private TerminalSession(Descriptor master, Descriptor slave, Process process)
    {
        _master = master;
        // Held open: a terminal whose slaves are all closed, as it is before the program opens it, reads as ended.
        _slave = slave;
        _process = process;
        _stream = new FileStream(new SafeFileHandle(master.Fd, ownsHandle: false), FileAccess.ReadWrite, bufferSize: 0);
        _ = ReadAsync();
    }

    /// <summary>Starts a program on a new terminal.</summary>
    public static TerminalSession Start(int columns, int rows, IReadOnlyList<string> command)
    {
        (Descriptor master, Descriptor slave) = NativeCalls.OpenTerminal();
        string name = File.ResolveLinkTarget($"/proc/self/fd/{slave.Fd}", false)!.FullName;
        Pty.Resize(master, columns, rows);
        // setsid --ctty makes its standard input the controlling terminal of what it runs. All three are open both
        // ways, as a login has them: ctr reads from its standard error.
        Process process = Command.Start("/bin/sh",
            ["-c", "exec setsid --ctty --wait \"$@\" <>\"$0\" >&0 2>&0", name, .. command],
            environment: Daemon.CtrEnvironment);
        return new TerminalSession(master, slave, process);
    }

    public void Resize(int columns, int rows) => Pty.Resize(_master, columns, rows);

    /// <summary>Types; the Enter key is a carriage return.</summary>
    public void Type(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        int count = _master.TryWrite(bytes, out Errno errno);
        Assert.True(count == bytes.Length, $"typing \"{text}\": {count} of {bytes.Length} bytes taken, {errno}");
    }

    /// <summary>Waits until this was written to the terminal.</summary>
    public async Task UntilAsync(string text)
    {
        try
        {
            await Eventually.TrueAsync($"\"{text}\" on the terminal",
                () => Screen.Contains(text, StringComparison.Ordinal));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}; it shows:\n{Screen}");
        }
    }

    /// <summary>Whether this comes within a short while.</summary>
    public async Task<bool> SawAsync(string text)
    {
        try
        {
            await Eventually.TrueAsync(text, () => Screen.Contains(text, StringComparison.Ordinal),
                TimeSpan.FromMilliseconds(300));
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    public async Task<int> ExitCodeAsync()
    {
        using var bound = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        try
        {
            await _process.WaitForExitAsync(bound.Token);
            return _process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"the program on the terminal did not end within 20 s; it shows:\n{Screen}");
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
        _slave.Dispose();
        _stream.Dispose();
        _master.Dispose();
    }

    /// <summary>
    /// What was written so far, without carriage returns: how many there are depends on both terminals.
    /// </summary>
    private string Screen
    {
        get
        {
            lock (_screen)
                return _screen.ToString().Replace("\r", "", StringComparison.Ordinal);
        }
    }

    private async Task ReadAsync()
    {
        byte[] buffer = new byte[4096];
        try
        {
            while (await _stream.ReadAsync(buffer) is > 0 and int count)
                lock (_screen)
                    _screen.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The terminal is closed.
        }
    }
}
