using Linux;
using Shim.Checkpoints;
using Shim.Containers;
using Shim.Runsc;
using Shim.Sandboxes;
using Shim.Tests.Checkpoints;
using Shim.Tests.Containers;
using Shim.Tests.Support;

namespace Shim.Tests.Sandboxes;

/// <summary>Checkpoints of a pod of two containers: the commands that are run and the files that are left.</summary>
public sealed class SandboxCheckpointTests
{
    private static readonly CheckpointSettings s_leaveRunning = new() { LeaveRunning = true };

    [Fact]
    public void An_image_names_all_containers() => Run(async (pod, web) =>
    {
        await web.CheckpointAsync(new CheckpointRequest(ImageOf(pod), s_leaveRunning));
        using CheckpointImage image = CheckpointImage.Open(ImageDirectory.Open(ImageOf(pod)));
        Assert.Equal(["", "web"], image.Record!.Containers);
        Assert.Equal("release-test", image.Record.RunscVersion);
        Assert.Equal(["checkpointed web"], pod.Shim.Events.Lines);
        Assert.Equal("--version", pod.Shim.Runsc.Commands[^2]);
        Assert.Matches("^checkpoint --image-path=.incomplete-[^ ]+ --leave-running web[+]$",
            pod.Shim.Runsc.Commands[^1]);
        Assert.True(web.IsAlive);
        Assert.Empty(pod.Shim.Runsc.Signals);
        Assert.False(File.Exists(web.Bundle.PartialImage));
    });

    [Fact]
    public void The_bundle_names_the_image_that_is_being_written() => Run(async (pod, web) =>
    {
        string partial = "";
        pod.Shim.Runsc.On("checkpoint", call =>
        {
            partial = call.Flag("--image-path")!;
            Assert.Equal(partial, File.ReadAllText(web.Bundle.PartialImage));
            ExampleImage.Write(partial, TestPod.HeaderOf(2));
        });
        await web.CheckpointAsync(new CheckpointRequest(ImageOf(pod), s_leaveRunning));
        Assert.NotEmpty(partial);
        Assert.False(Directory.Exists(partial));
    });

    [Fact]
    public void A_sandbox_that_ends_with_its_checkpoint_ends_well() => Run(async (pod, web) =>
    {
        await web.CheckpointAsync(new CheckpointRequest(ImageOf(pod), new CheckpointSettings()));
        Assert.Contains("--leave-running", pod.Shim.Runsc.Commands[^1], StringComparison.Ordinal);
        Assert.Equal(["wait web+", "pause web+"], pod.Control.Calls);
        Assert.Equal(["sandbox 9"], pod.Shim.Runsc.Signals);
        pod.Shim.Time.Advance(TimeSpan.FromSeconds(2));
        await web.Init.Ended;
        Assert.Equal(["checkpointed web", "exit pod 0", "exit web 0"], pod.Shim.Events.Lines);
        // Clients of containerd resume what they paused.
        await web.ResumeAsync();
        Assert.Single(pod.Shim.Warnings); // its wait was given up
    });

    [Fact]
    public void A_checkpoint_with_a_program_in_the_sandbox_is_ended_by_runsc() => Run(async (pod, web) =>
    {
        pod.Shim.Runsc.On("help", static call => call.Print("  -save-restore-exec-argv string\n"));
        pod.Shim.Runsc.On("checkpoint", call =>
        {
            ExampleImage.Write(call.Flag("--image-path")!, TestPod.HeaderOf(2));
            pod.Shim.Runsc.EndSandbox(1);
        });
        await web.CheckpointAsync(new CheckpointRequest(
            ImageOf(pod), new CheckpointSettings { SaveRestoreExecArgv = "/bin/save" }));
        Assert.DoesNotContain("--leave-running", pod.Shim.Runsc.Commands[^1], StringComparison.Ordinal);
        Assert.Equal(["wait web+"], pod.Control.Calls);
        Assert.Empty(pod.Shim.Runsc.Signals);
        Assert.True(pod.Sandbox.EndedByCheckpoint);
        pod.Shim.Time.Advance(TimeSpan.FromSeconds(2));
        await web.Init.Ended;
        Assert.Equal(["checkpointed web", "exit pod 0", "exit web 0"], pod.Shim.Events.Lines);
        Assert.Single(pod.Shim.Warnings); // its wait was given up
    });

    [Theory]
    [InlineData("", "exec shell of container web runs")]
    [InlineData("  -restore-spec-validation value\n", null)]
    public void A_checkpoint_while_an_exec_runs(string help, string? refusal) => Run(async (pod, web) =>
    {
        pod.Shim.Runsc.On("flags", call => call.Print(help));
        web.AddExec("shell", "{}"u8.ToArray(), new Shim.Io.StdioRequest("", "", "", Terminal: false));
        await pod.StartExecAsync(web, "shell");
        var request = new CheckpointRequest(ImageOf(pod), s_leaveRunning);
        if (refusal is null)
        {
            await web.CheckpointAsync(request);
            Assert.True(Directory.Exists(ImageOf(pod)));
            return;
        }
        RefusedException e = await Assert.ThrowsAsync<RefusedException>(() => web.CheckpointAsync(request));
        Assert.Contains(refusal, e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(ImageOf(pod)));
        Assert.Single(pod.Shim.Warnings);
    });

    [Theory]
    [InlineData(true, "")]
    [InlineData(false, "pause web+, resume web+")]
    public void A_checkpoint_that_fails_leaves_nothing(bool leaveRunning, string calls) => Run(async (pod, web) =>
    {
        pod.Shim.Runsc.On("checkpoint", static call =>
        {
            ExampleImage.Write(call.Flag("--image-path")!, TestPod.HeaderOf(2));
            call.Fail("disk is full");
        });
        RunscException e = await Assert.ThrowsAsync<RunscException>(() => web.CheckpointAsync(
            new CheckpointRequest(ImageOf(pod), new CheckpointSettings { LeaveRunning = leaveRunning })));
        Assert.Contains("disk is full", e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(ImageOf(pod)));
        Assert.False(File.Exists(web.Bundle.PartialImage));
        Assert.Equal(calls, string.Join(", ", pod.Control.Calls.Skip(1)));
        Assert.Empty(pod.Shim.Events.Lines);
        Assert.True(web.IsAlive);
        Assert.Contains("disk is full", Assert.Single(pod.Shim.Warnings), StringComparison.Ordinal);
    });

    [Fact]
    public void A_failed_clean_up_does_not_hide_why_the_checkpoint_failed() => Run(async (pod, web) =>
    {
        pod.Shim.Runsc.On("checkpoint", static call =>
        {
            string tooDeep = string.Join('/', Enumerable.Repeat("d", 70));
            Directory.CreateDirectory(Path.Combine(call.Flag("--image-path")!, tooDeep));
            call.Fail("disk is full");
        });
        RunscException e = await Assert.ThrowsAsync<RunscException>(
            () => web.CheckpointAsync(new CheckpointRequest(ImageOf(pod), s_leaveRunning)));
        Assert.Contains("disk is full", e.Message, StringComparison.Ordinal);
        Assert.Contains(pod.Shim.Warnings, static line => line.Contains("/.incomplete-", StringComparison.Ordinal));
        Assert.True(File.Exists(web.Bundle.PartialImage)); // `delete` tries again
    });

    [Fact]
    public void A_failed_clean_up_does_not_fail_the_checkpoint() => Run(async (pod, web) =>
    {
        pod.Shim.Runsc.On("checkpoint", call =>
        {
            ExampleImage.Write(call.Flag("--image-path")!, TestPod.HeaderOf(2));
            File.Delete(web.Bundle.PartialImage);
            Directory.CreateDirectory(web.Bundle.PartialImage);
        });
        await web.CheckpointAsync(new CheckpointRequest(ImageOf(pod), s_leaveRunning));
        Assert.True(File.Exists(Path.Combine(ImageOf(pod), "checkpoint.img")));
        Assert.Equal(["checkpointed web"], pod.Shim.Events.Lines);
        Assert.Contains("checkpoint-partial", Assert.Single(pod.Shim.Warnings), StringComparison.Ordinal);
    });

    [Fact]
    public void A_checkpoint_that_writes_no_image_has_failed() => Run(async (pod, web) =>
    {
        pod.Shim.Runsc.On("checkpoint", static _ => { });
        await Assert.ThrowsAsync<CheckpointException>(
            () => web.CheckpointAsync(new CheckpointRequest(ImageOf(pod), s_leaveRunning)));
        Assert.False(Directory.Exists(ImageOf(pod)));
        Assert.Single(pod.Shim.Warnings);
    });

    [Fact]
    public void A_directory_that_holds_an_image_is_refused() => Run(async (pod, web) =>
    {
        ExampleImage.Write(ImageOf(pod));
        int before = pod.Shim.Runsc.Calls.Count;
        CheckpointException e = await Assert.ThrowsAsync<CheckpointException>(
            () => web.CheckpointAsync(new CheckpointRequest(ImageOf(pod), s_leaveRunning)));
        Assert.Equal(CheckpointFault.Exists, e.Fault);
        Assert.Contains(ImageOf(pod), e.Message, StringComparison.Ordinal);
        Assert.Equal(before, pod.Shim.Runsc.Calls.Count);
    });

    [Fact]
    public void A_container_that_ended_meanwhile_is_refused() => Run(async (pod, web) =>
    {
        TaskCompletionSource acting = LoopTask.NewSource();
        Task act = pod.Sandbox.ActAsync(() => acting.Task);
        Task writing = web.CheckpointAsync(new CheckpointRequest(ImageOf(pod), s_leaveRunning));
        await TestShim.UntilAsync(() => pod.Sandbox.IsBeingSaved);
        await pod.EndAsync(web, 0);
        acting.SetResult();
        await act;
        RefusedException e = await Assert.ThrowsAsync<RefusedException>(() => writing);
        Assert.Equal(Refusal.WrongState, e.Refusal);
        Assert.DoesNotContain(pod.Shim.Runsc.Calls, static call => call.Command == "checkpoint");
        Assert.False(Directory.Exists(ImageOf(pod)));
        Assert.Single(pod.Shim.Warnings);
    });

    [Fact]
    public void An_image_of_other_containers_has_no_record() => Run(async (pod, web) =>
    {
        pod.Shim.Runsc.On("checkpoint",
            static call => { ExampleImage.Write(call.Flag("--image-path")!, TestPod.HeaderOf(3)); });
        await web.CheckpointAsync(new CheckpointRequest(ImageOf(pod), s_leaveRunning));
        Assert.False(File.Exists(Path.Combine(ImageOf(pod), "shim.json")));
        Assert.True(File.Exists(Path.Combine(ImageOf(pod), "checkpoint.img")));
        Assert.Single(pod.Shim.Warnings);
    });

    [Fact]
    public void A_version_that_is_not_known_is_left_out() => Run(async (pod, web) =>
    {
        pod.Shim.Runsc.On("--version", static call => call.End(1 << 8));
        await web.CheckpointAsync(new CheckpointRequest(ImageOf(pod), s_leaveRunning));
        using CheckpointImage image = CheckpointImage.Open(ImageDirectory.Open(ImageOf(pod)));
        Assert.Equal("", image.Record!.RunscVersion);
        Assert.Single(pod.Shim.Warnings);
    });

    [Fact]
    public void An_image_of_file_systems_alone() => Run(async (pod, web) =>
    {
        pod.Shim.Runsc.On("fscheckpoint",
            static call => File.WriteAllText(Path.Combine(call.Flag("--image-path")!, "multitar.img"), ""));
        await web.CheckpointAsync(new CheckpointRequest(ImageOf(pod), new CheckpointSettings())
        {
            FileSystems = new FileSystemCheckpointSettings { LeaveRunning = true, Path = "all-tmpfs" },
        });
        Assert.Equal(["multitar.img", "shim.json"],
            Directory.GetFiles(ImageOf(pod)).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(["help fscheckpoint", "fscheckpoint"],
            pod.Shim.Runsc.Calls.TakeLast(3).Take(2).Select(static call => call.ToString().Split(" --")[0]));
        Assert.False(pod.Sandbox.EndedByCheckpoint);
    });

    [Fact]
    public void A_runsc_without_the_command_is_refused() => Run(async (pod, web) =>
    {
        pod.Shim.Runsc.On("help", static call => call.End(128 << 8));
        RunscException e = await Assert.ThrowsAsync<RunscException>(() => web.CheckpointAsync(
            new CheckpointRequest(ImageOf(pod), new CheckpointSettings())
            {
                FileSystems = new FileSystemCheckpointSettings(),
            }));
        Assert.Equal(RunscFailure.Unsupported, e.Failure);
        Assert.Contains("fscheckpoint", e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(ImageOf(pod)));
        Assert.Single(pod.Shim.Warnings);
    });

    private static void Run(Func<TestPod, Container, Task> body) => TestPod.Run(async pod =>
    {
        await pod.StartAsync("pod");
        Container web = await pod.StartAsync("web");
        pod.Shim.Events.Clear();
        pod.Shim.Runsc.On("checkpoint",
            static call => { ExampleImage.Write(call.Flag("--image-path")!, TestPod.HeaderOf(2)); });
        await body(pod, web);
    });

    private static string ImageOf(TestPod pod) => pod.Shim.Directory["new-image"];
}
