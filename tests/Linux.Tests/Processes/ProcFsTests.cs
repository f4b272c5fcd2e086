using Linux.Tests.Peer;

namespace Linux.Tests;

public sealed class ProcFsTests
{
    [Theory]
    [InlineData("1 (init) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 77 1 2", 'S', 0, 77)]
    [InlineData("4242 (a b) c) d) Z 17 4242 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456789012 1 2", 'Z', 17,
        123456789012)]
    [InlineData("7 (()) R 1 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 5 1 2\n", 'R', 1, 5)]
    [InlineData("8 () D 1 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 6", 'D', 1, 6)]
    public void Stat_lines_are_parsed(string text, char state, int parent, ulong start)
    {
        Assert.True(ProcessStat.TryParse(text, out ProcessStat stat));
        Assert.Equal(new ProcessStat(state, parent, start), stat);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1 (init")]
    [InlineData(") 1 (")]
    [InlineData("1 (x) S 0 1 1")]
    [InlineData("x (x) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 77 1 2")]
    [InlineData("1 (x) S y 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 77 1 2")]
    public void Malformed_texts_are_rejected(string text) => Assert.False(ProcessStat.TryParse(text, out _));

    [Fact]
    public void This_process()
    {
        ProcessStat stat = ProcFs.Stat(Environment.ProcessId)!.Value;
        Assert.True(ProcFs.IsDescendant(Environment.ProcessId, stat.ParentPid));
        Assert.False(ProcFs.IsDescendant(1, Environment.ProcessId));
        Assert.Null(ProcFs.Stat(0x3ffffff));
        Assert.Empty(ProcFs.Children(0x3ffffff));
    }

    [Fact]
    public void Children_are_listed_until_they_are_reaped()
    {
        (Descriptor read, Descriptor write) = Descriptor.Pipe();
        int pid = Spawner.Spawn(Children.Shell("read x") with { Descriptors = [read] });
        Assert.Contains(pid, ProcFs.Children(Environment.ProcessId));
        Assert.Equal(Environment.ProcessId, ProcFs.ParentPid(pid));
        read.Dispose();
        write.Dispose();
        Children.Wait(pid);
        Assert.DoesNotContain(pid, ProcFs.Children(Environment.ProcessId));
        Assert.Null(ProcFs.Stat(pid));
    }
}
