using System.Collections.Concurrent;
using Shim.Logging;

namespace Shim.Tests.Logging;

/// <summary>The log file that the configuration names.</summary>
public sealed class LogFileTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly ConcurrentQueue<string> _failures = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Lines_are_appended_in_order()
    {
        _directory.Write("log", "before\n");
        Write(_directory["log"], "one\n"u8, "two\n"u8);
        Assert.Equal("before\none\ntwo\n", File.ReadAllText(_directory["log"]));
        Assert.Empty(_failures);
    }

    [Fact]
    public void The_file_and_its_directory_are_the_owners()
    {
        Write(_directory["web/new/log"], "one\n"u8, "two\n"u8);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_directory["web/new/log"]));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(_directory["web/new"]));
    }

    [Fact]
    public void A_link_is_not_followed()
    {
        File.CreateSymbolicLink(_directory["log"], _directory["elsewhere"]);
        Write(_directory["log"], "one\n"u8, "two\n"u8);
        Assert.Contains("ELOOP", Assert.Single(_failures), StringComparison.Ordinal);
        Assert.False(File.Exists(_directory["elsewhere"]));
    }

    [Fact]
    public void A_FIFO_that_nobody_reads_does_not_stop_the_log()
    {
        NativeCalls.CreateFifo(_directory["log"]);
        Write(_directory["log"], "one\n"u8, "two\n"u8);
        Assert.Contains("a FIFO without a ", Assert.Single(_failures), StringComparison.Ordinal);
    }

    private void Write(string path, ReadOnlySpan<byte> one, ReadOnlySpan<byte> two)
    {
        using LogFile file = new(path, e => _failures.Enqueue(e.Message));
        file.Append(one);
        file.Append(two);
    }
}
