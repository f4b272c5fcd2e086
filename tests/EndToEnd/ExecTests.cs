using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Testing;

namespace EndToEnd;

/// <summary>`ctr tasks exec`: further processes in a running container.</summary>
public class ExecTests(Daemons daemons) : ContainerTest(daemons)
{
    [Theory, ContainerdVersions]
    public async Task An_exec_returns_its_output_and_exit_code(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = await SleeperAsync(daemon);
        CommandResult seven = await ExecAsync(daemon, id, "seven", "sh", "-c", "echo out; echo err >&2; exit 7");
        Assert.Equal((7, "out\n", "err\n"), (seven.ExitCode, seven.Output, seven.Error));
        Assert.Equal("zero\n", (await ExecAsync(daemon, id, "zero", "echo", "zero")).Succeeded());
    }

    [Theory, ContainerdVersions]
    public async Task User_and_directory_can_be_chosen(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = await SleeperAsync(daemon);
        CommandResult result = await daemon.CtrAsync(
            "tasks", "exec", "--exec-id", "user", "--user", "1000:1000", "--cwd", "/tmp", id, "sh", "-c",
                "id -un; pwd");
        Assert.Equal("user\n/tmp\n", result.Succeeded());
    }

    [Theory, ContainerdVersions]
    public async Task Stdin_is_piped_through(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = await SleeperAsync(daemon);
        byte[] input = RandomNumberGenerator.GetBytes(300_000);
        CommandResult result = await daemon.CtrAsync(input, "tasks", "exec", "--exec-id", "cat", id, "cat");
        result.Succeeded();
        Assert.Equal(input, result.OutputBytes);
    }

    [Theory, ContainerdVersions(NewestOnly = true)]
    public async Task A_hundred_execs_run_at_the_same_time(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = await SleeperAsync(daemon);
        CommandResult[] results = await Task.WhenAll(Enumerable.Range(0, 100).Select(
            i => ExecAsync(daemon, id, $"n{i}", "sh", "-c", $"echo {i}; exit {i % 10}")));
        for (int i = 0; i < results.Length; i++)
            Assert.Equal((i % 10, $"{i}\n", ""), (results[i].ExitCode, results[i].Output, results[i].Error));
    }

    [Theory, ContainerdVersions]
    public async Task A_missing_executable_is_named(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = await SleeperAsync(daemon);
        string error = (await ExecAsync(daemon, id, "missing", "/no/such/file")).Failed();
        Assert.Contains("OCI runtime exec failed", error, StringComparison.Ordinal);
        Assert.Contains("/no/such/file", error, StringComparison.Ordinal);
        Assert.Equal("still here\n", (await ExecAsync(daemon, id, "next", "echo", "still here")).Succeeded());
    }

    [Theory, ContainerdVersions]
    public async Task Events_come_in_order(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = await SleeperAsync(daemon);
        await using EventWatch events = EventWatch.Open(daemon);
        (await ExecAsync(daemon, id, "quick", "true")).Succeeded();
        (await daemon.CtrAsync("tasks", "kill", "-s", "KILL", id)).Succeeded();
        await UntilStoppedAsync(daemon, id);
        await daemon.CtrAsync("tasks", "delete", id);
        Assert.Equal(
            ["/tasks/exec-added", "/tasks/exec-started", "/tasks/exit", "/tasks/exit", "/tasks/delete"],
            await events.TaskTopicsAsync(id, until: "/tasks/delete"));
    }

    [Theory, ContainerdVersions]
    public async Task Processes_are_listed_with_their_execs(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = await SleeperAsync(daemon);
        (await daemon.CtrAsync("tasks", "exec", "--exec-id", "sleeper", "--detach", id, "sleep", "100")).Succeeded();
        string listed = (await daemon.CtrAsync("tasks", "ps", id)).Succeeded();
        // Processes of the node: the sandbox's, and the one that represents the exec.
        Match[] lines = [.. Regex.Matches(listed, @"(?m)^(\d+)\s+(\S.*)$").Cast<Match>()];
        Assert.Equal(2, lines.Length);
        Assert.Equal("-", lines[0].Groups[2].Value);
        Assert.Contains("sleeper", lines[1].Groups[2].Value, StringComparison.Ordinal);
        Assert.All(lines, each =>
            Assert.Contains(daemon.RunscRoot, Processes.CommandLine(int.Parse(each.Groups[1].Value)),
                StringComparison.Ordinal));
        Assert.Contains(" boot ", Processes.CommandLine(int.Parse(lines[0].Groups[1].Value)), StringComparison.Ordinal);
        (await daemon.CtrAsync("tasks", "kill", "--exec-id", "sleeper", "-s", "KILL", id)).Succeeded();
        await Eventually.TrueAsync("the exec is gone",
            async () =>
                !(await daemon.CtrAsync("tasks", "ps", id)).Succeeded().Contains("sleeper", StringComparison.Ordinal));
        Assert.Equal("RUNNING", await StatusAsync(daemon, id));
    }

    private async Task<string> SleeperAsync(Daemon daemon)
    {
        string id = Id("box");
        (await daemon.CtrAsync(daemon.Run(id, ["-d"], "sleep", "1000"))).Succeeded();
        return id;
    }

    private static Task<CommandResult> ExecAsync(Daemon daemon, string id, string execId, params string[] command) =>
        daemon.CtrAsync(["tasks", "exec", "--exec-id", execId, id, .. command]);
}
