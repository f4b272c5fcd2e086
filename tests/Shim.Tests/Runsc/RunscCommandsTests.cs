using System.Text.Json.Nodes;
using Linux;
using Shim.Runsc;
using static Shim.Tests.Runsc.RunscRunnerTest;

namespace Shim.Tests.Runsc;

/// <summary>Commands on containers, and what only newer releases can do.</summary>
public sealed class RunscCommandsTests
{
    private static readonly Task s_wanted = LoopTask.NewSource().Task;

    [Theory]
    [InlineData("web2", "/bundle")]
    [InlineData("web", "/other")]
    [InlineData("web", null)]
    public void Delete_touches_only_the_container_of_exactly_this_id_and_bundle(string id, string? bundle) =>
        Run(async test =>
        {
            string record = RecordOf(test, $"{id}+", bundle);
            await Commands(test).DeleteAsync("web+", "/bundle", test.Log);
            Assert.Empty(test.Runsc.Calls);
            Assert.True(File.Exists(record));
        });

    [Fact]
    public void Delete_is_by_force() => Run(async test =>
    {
        RecordOf(test, "web+", "/bundle");
        await Commands(test).DeleteAsync("web+", "/bundle/", test.Log);
        Assert.Equal(["delete --force web+"], test.Runsc.Commands);
    });

    [Fact]
    public void A_create_that_nobody_wants_any_more_is_killed() => Run(async test =>
    {
        test.Runsc.Hold("create");
        TaskCompletionSource givenUp = LoopTask.NewSource();
        Task creating = Commands(test).CreateAsync(
            "web+", true, "/bundle", test.PidFile, null, null, test.Log, [], givenUp.Task);
        await test.Runsc.UntilAsync("create");
        givenUp.SetResult();
        await FailureAsync(creating, RunscFailure.Failed, "create", "given up");
        Assert.Equal([$"{test.Runsc.Calls[0].Pid} 9"], test.Runsc.Signals);
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
        RecordOf(test, "web+", "/bundle");
        test.Runsc.Hold(command);
        Task running = command switch
        {
            "create" => commands.CreateAsync("web+", true, "/bundle", test.PidFile, null, null, test.Log, [], s_wanted),
            "start" => commands.StartAsync("web+", test.Log, []),
            "delete" => commands.DeleteAsync("web+", "/bundle", test.Log),
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
        await Commands(test).CreateAsync(
            "web+", isSandbox, "/bundle", test.PidFile, null, null, test.Log, [], s_wanted);
        Assert.Equal(!isSandbox, test.Runsc.Calls[0].Request.WithoutMembarrier);
    });

    [Fact]
    public void What_an_older_runsc_cannot_do_is_not_tried() => Run(async test =>
    {
        test.Runsc.On("help", static call => call.Print("  -direct\n    \tx\n"));
        RunscCommands commands = Commands(test);
        RestoreSettings image = new("/image", Direct: true, Background: true);
        await FailureAsync(commands.RestoreAsync("web+", image, test.Log, []), RunscFailure.Unsupported, "background");
        await FailureAsync(
            commands.CreateAsync("web+", true, "/bundle", test.PidFile, null, null, test.Log, [], s_wanted, image),
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

    /// <summary>Writes runsc's record of a container.</summary>
    private static string RecordOf(RunscRunnerTest test, string id, string? bundle)
    {
        Directory.CreateDirectory(test.Shim.RunscRoot);
        string path = Path.Combine(test.Shim.RunscRoot, $"{id}_sandbox:pod+.state");
        File.WriteAllText(path, new JsonObject { ["bundleDir"] = bundle }.ToJsonString());
        return path;
    }
}
