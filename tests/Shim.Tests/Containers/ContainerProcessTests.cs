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
        var process = new ContainerProcess(
            "web", "container web", new StdioRequest("", "", "", Terminal: false), new BrokenStdio());
        process.Move(ProcessVerb.Start);
        var end = new ProcessEnd(3, DateTimeOffset.UnixEpoch);
        Assert.True(process.TryEnd(end));
        Assert.Equal(end, await process.Ended);
        await TestShim.UntilAsync(() => logged.Count > 0);
        Assert.Equal("broken", Assert.Single(logged).Message);
    });

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
