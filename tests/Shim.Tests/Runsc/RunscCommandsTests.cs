using Shim.Runsc;
using static Shim.Tests.Runsc.RunscRunnerTest;

namespace Shim.Tests.Runsc;

/// <summary>Commands on containers, and what only newer releases can do.</summary>
public sealed class RunscCommandsTests
{
    [Fact]
    public void Delete_touches_only_the_container_of_exactly_this_id() => Run(async test =>
    {
        RunscCommands commands = Commands(test);
        Directory.CreateDirectory(test.Shim.RunscRoot);
        File.WriteAllText(Path.Combine(test.Shim.RunscRoot, "web2+_sandbox:pod+.state"), "{}");
        Assert.False(commands.Has("web+"));
        await commands.DeleteAsync("web+", test.Log);
        Assert.Empty(test.Runsc.Calls);
        Assert.True(commands.Has("web2+"));
        await commands.DeleteAsync("web2+", test.Log);
        Assert.Equal(["delete --force web2+"], test.Runsc.Commands);
        Assert.False(commands.Has("web2+"));
    });

    [Theory]
    [InlineData("create", 2)]
    [InlineData("start", 2)]
    [InlineData("delete", 2)]
    [InlineData("restore", 30)]
    [InlineData("checkpoint", 30)]
    public void Every_command_has_a_bound(string command, int minutes) => Run(async test =>
    {
        RunscCommands commands = Commands(test);
        Directory.CreateDirectory(test.Shim.RunscRoot);
        File.WriteAllText(Path.Combine(test.Shim.RunscRoot, "web+_sandbox:pod+.state"), "{}");
        test.Runsc.Hold(command);
        Task running = command switch
        {
            "create" => commands.CreateAsync("web+", true, "/bundle", test.PidFile, null, null, test.Log, []),
            "start" => commands.StartAsync("web+", test.Log, []),
            "delete" => commands.DeleteAsync("web+", test.Log),
            "restore" => commands.RestoreAsync("web+", new RestoreSettings("/image"), test.Log, []),
            _ => commands.CheckpointAsync("web+", "/image", new CheckpointSettings(), test.Log),
        };
        await test.Shim.Time.UntilAwaitedAsync(TimeSpan.FromMinutes(minutes));
        test.Shim.Time.Advance(TimeSpan.FromMinutes(minutes));
        await FailureAsync(running, RunscFailure.TimedOut, command);
        Assert.Single(test.Runsc.Signals);
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Only_the_create_of_a_sandbox_leaves_one(bool isSandbox) => Run(async test =>
    {
        await Commands(test).CreateAsync("web+", isSandbox, "/bundle", test.PidFile, null, null, test.Log, []);
        Assert.Equal(!isSandbox, test.Runsc.Calls[0].Request.WithoutMembarrier);
    });

    [Fact]
    public void What_an_older_runsc_cannot_do_is_not_tried() => Run(async test =>
    {
        test.Runsc.On("help", static call => call.Print("  -direct\n    \tx\n"));
        RunscCommands commands = Commands(test);
        RestoreSettings image = new("/image", Direct: true, Background: true);
        await FailureAsync(commands.RestoreAsync("web+", image, test.Log, []), RunscFailure.Unsupported, "background");
        await FailureAsync(commands.CreateAsync("web+", true, "/bundle", test.PidFile, null, null, test.Log, [], image),
            RunscFailure.Unsupported, "fs-restore-image-path");
        await FailureAsync(commands.CheckpointAsync("web+", "/image",
            new CheckpointSettings { CudaCheckpointPath = "/cuda" }, test.Log), RunscFailure.Unsupported, "cuda");
        await FailureAsync(commands.WaitAsync("web+", WaitFor.Restore, 0, 0, test.Log, CancellationToken.None),
            RunscFailure.Unsupported, "wait", "restore");
        Assert.All(test.Runsc.Calls, static call => Assert.Contains(call.Command, (string[])["help", "--version"]));
        await commands.RestoreAsync("web+", image with { Background = false }, test.Log, []);
        Assert.Equal("restore --image-path=image --detach --direct web+", test.Runsc.Commands[^1]);
    });

    [Theory]
    [InlineData("  -checkpoint\n", true)]
    [InlineData("  -checkpoint int\n", false)]
    public void A_flag_of_another_meaning_is_not_used(string help, bool works) => Run(async test =>
    {
        test.Runsc.On("help", call => call.Print(help));
        test.Runsc.On("wait", static call => call.End(0));
        Exception? e = await Record.ExceptionAsync(() => Commands(test).WaitAsync(
            "web+", WaitFor.Checkpoint, 0, 0, test.Log, CancellationToken.None));
        Assert.Equal(works, e is null);
        Assert.Equal(works ? null : RunscFailure.Unsupported, (e as RunscException)?.Failure);
    });

    private static RunscCommands Commands(RunscRunnerTest test) => new(test.Runner, test.Shim.Context.Features);
}
