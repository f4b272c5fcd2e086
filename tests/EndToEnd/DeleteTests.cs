using System.Diagnostics;
using Containerd.Api.Tasks;
using Linux;
using Testing;
using Task = System.Threading.Tasks.Task;

namespace EndToEnd;

/// <summary>
/// The command <c>delete</c>, as containerd runs it when it has lost a shim, with bundles that are not in order.
/// </summary>
public sealed class DeleteTests : IDisposable
{
    /// <summary>containerd ends the command then.</summary>
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(5);

    private readonly TempDirectory _directory = new();

    public DeleteTests()
    {
        Requires.Root("deleting containers");
        Directory.CreateDirectory(_directory["bundle/rootfs"]);
        _directory.Write("bundle/config.json", """{"ociVersion":"1.0.0"}""");
    }

    public void Dispose()
    {
        Mounts.UnmountAll(_directory.Path);
        _directory.Dispose();
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("""{"runsc_id":"web+",""")]
    [InlineData("[]")]
    public async Task A_missing_or_torn_state_is_not_an_error(string? state)
    {
        if (state is not null)
            _directory.Write("bundle/state.json", state);
        Mount();
        for (int time = 0; time < 2; time++)
            AssertKilled(await DeleteAsync());
        Assert.False(IsMounted);
    }

    [Fact]
    public async Task A_missing_specification_is_not_an_error()
    {
        File.Delete(_directory["bundle/config.json"]);
        AssertKilled(await DeleteAsync());
    }

    /// <summary>The number that a sandbox had may be another process's by now.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Only_the_recorded_process_is_killed(bool isRecorded)
    {
        using Process process = Process.Start("sleep", "1000");
        try
        {
            ulong start = ProcessIdentity.TryOf(process.Id)!.Value.StartTime;
            WriteState("/no/such/runsc", process.Id, isRecorded ? start : start - 1);
            AssertKilled(await DeleteAsync());
            if (isRecorded)
                await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(isRecorded, process.HasExited);
        }
        finally
        {
            process.Kill();
        }
    }

    /// <summary>What is mounted goes in time, and the record with it.</summary>
    [Fact]
    public async Task A_runsc_that_hangs_is_given_up()
    {
        string runsc = _directory.WriteProgram(
            "fake-runsc", $"#!/bin/sh\necho $$ > {_directory["pid"]}\nexec sleep 1000\n");
        WriteState(runsc, 0, 0);
        string record = WriteRecord(_directory["bundle"]);
        Mount();
        var clock = Stopwatch.StartNew();
        CommandResult result = await DeleteAsync();
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, s_bound);
        Assert.Equal(137u, DeleteResponse.Parser.ParseFrom(result.OutputBytes).ExitStatus);
        Assert.Contains("delete web: ", result.Error, StringComparison.Ordinal);
        Assert.False(IsMounted);
        Assert.False(File.Exists(record));
        Assert.False(Path.Exists($"/proc/{File.ReadAllText(_directory["pid"]).Trim()}"), "it was killed");
    }

    /// <summary>Another containerd may have a container of this name in the same root of runsc.</summary>
    [Fact]
    public async Task A_record_of_another_bundle_is_left_alone()
    {
        string runsc = _directory.WriteProgram("fake-runsc", $"#!/bin/sh\ntouch {_directory["called"]}\n");
        WriteState(runsc, 0, 0);
        string record = WriteRecord(_directory["other"]);
        AssertKilled(await DeleteAsync());
        Assert.True(File.Exists(record));
        Assert.False(File.Exists(_directory["called"]));
    }

    private bool IsMounted => File.ReadLines("/proc/self/mountinfo")
        .Any(line => line.Contains(_directory["bundle/rootfs"], StringComparison.Ordinal));

    private void Mount() =>
        Mounts.Mount([new MountSpec { Type = "tmpfs", Source = "tmpfs" }], _directory["bundle/rootfs"]);

    private void WriteState(string runsc, int pid, ulong startTime) => _directory.Write("bundle/state.json", $$"""
        {"runsc_id":"web+","binary_name":"{{runsc}}","runsc_root":"{{_directory["runsc/default"]}}","runsc_config":{},
        "sandbox":{"pid":{{pid}},"start_time":{{startTime}} } }
        """);

    private string WriteRecord(string bundle)
    {
        Directory.CreateDirectory(_directory["runsc/default"]);
        return _directory.Write("runsc/default/web+_sandbox:web+.state", $$"""{"bundleDir":"{{bundle}}"}""");
    }

    private Task<CommandResult> DeleteAsync() => Command.RunAsync(Tools.Shim,
        ["-namespace", "default", "-id", "web", "-address", _directory["containerd.sock"],
            "-bundle", _directory["bundle"], "delete"], directory: _directory["bundle"]);

    private static void AssertKilled(CommandResult result)
    {
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        DeleteResponse response = DeleteResponse.Parser.ParseFrom(result.OutputBytes);
        Assert.Equal(137u, response.ExitStatus);
        Assert.InRange(DateTimeOffset.UtcNow - response.ExitedAt.ToDateTimeOffset(), TimeSpan.Zero,
            TimeSpan.FromMinutes(1));
    }
}
