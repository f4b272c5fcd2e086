using Linux;
using Shim.Containers;
using Shim.Io;
using Shim.Tests.Support;

namespace Shim.Tests.Containers;

public sealed class ContainerProcessTests
{
    [Fact]
    public void An_error_in_its_streams_does_not_hide_its_end() => Loops.Run(async loop =>
    {
        List<Exception> logged = [];
        loop.UnhandledException = logged.Add;
        ContainerProcess process = Started();
        var end = new ProcessEnd(3, DateTimeOffset.UnixEpoch);
        Assert.True(process.TryEnd(end));
        Assert.Equal(end, await process.Ended);
        await TestShim.UntilAsync(() => logged.Count > 0);
        Assert.Equal("broken", Assert.Single(logged).Message);
    });

    [Fact]
    public void Its_end_is_announced_before_those_who_wait_go_on_also_with_an_error() => Loops.Run(async loop =>
    {
        loop.UnhandledException = static _ => { };
        ContainerProcess process = Started();
        var end = new ProcessEnd(3, DateTimeOffset.UnixEpoch);
        bool wasKnown = true;
        Assert.Throws<InvalidOperationException>(() => process.TryEnd(end, () =>
        {
            Assert.Equal(ProcessState.Stopped, process.State);
            wasKnown = process.Ended.IsCompleted;
            throw new InvalidOperationException("broken");
        }));
        Assert.False(wasKnown);
        Assert.Equal(end, await process.Ended);
    });

    private static ContainerProcess Started()
    {
        var process = new ContainerProcess(
            "web", "container web", new StdioRequest("", "", "", Terminal: false), new BrokenStdio());
        process.Move(ProcessVerb.Start);
        return process;
    }

    private sealed class BrokenStdio : ProcessStdio
    {
        public override IReadOnlyList<Descriptor?> Descriptors => [];

        public override string? ConsoleSocket => null;

        public override Task HandedOverAsync() => Task.CompletedTask;

        public override void CloseStdin()
        {
        }

        public override void Resize(int columns, int rows)
        {
        }

        public override void ProcessEnded() => throw new InvalidOperationException("broken");

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
