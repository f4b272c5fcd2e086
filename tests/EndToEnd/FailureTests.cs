using System.Text;
using Testing;

namespace EndToEnd;

/// <summary>Failures are reported with their cause, and leave nothing behind.</summary>
public class FailureTests(Daemons daemons) : ContainerTest(daemons)
{
    [Theory, ContainerdVersions]
    public async Task A_missing_executable_is_named(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string error = (await daemon.CtrAsync(daemon.Run(Id("bad"), ["--rm"], "/no/such/file"))).Failed();
        Assert.Contains("OCI runtime start failed", error, StringComparison.Ordinal);
        Assert.Contains("failed to load /no/such/file: no such file or directory", error, StringComparison.Ordinal);
    }

    [Theory, ContainerdVersions]
    public async Task A_missing_runsc_is_named(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string configuration = await ConfigurationAsync(daemon, "missing.toml", "binary_name = \"/no/such/runsc\"\n");
        string error = (await RunAsync(daemon, Id("bad"), configuration)).Failed();
        Assert.Contains("/no/such/runsc", error, StringComparison.Ordinal);
        Assert.Contains("binary_name", error, StringComparison.Ordinal);
    }

    [Theory, ContainerdVersions]
    public async Task The_error_of_runsc_is_returned(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string configuration = await ConfigurationAsync(daemon, "flag.toml",
            $"binary_name = \"{Tools.Runsc}\"\nroot = \"{daemon.RunscRoot}\"\n[runsc_config]\nno-such-flag = true\n");
        string error = (await RunAsync(daemon, Id("bad"), configuration)).Failed();
        Assert.Contains("OCI runtime create failed: flag provided but not defined: -no-such-flag", error,
            StringComparison.Ordinal);
    }

    [Theory, ContainerdVersions]
    public async Task Errors_in_the_configuration_name_the_file_and_the_line(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string configuration = await ConfigurationAsync(daemon, "broken.toml", "binary_name = \"runsc\"\nroot = [\n");
        string error = (await RunAsync(daemon, Id("bad"), configuration)).Failed();
        Assert.Contains("broken.toml:", error, StringComparison.Ordinal);
        configuration = await ConfigurationAsync(daemon, "typo.toml", "# a comment\ngrouping = \"yes\"\n");
        error = (await RunAsync(daemon, Id("bad"), configuration)).Failed();
        Assert.Contains("typo.toml:2: grouping must be true or false", error, StringComparison.Ordinal);
        error = (await RunAsync(daemon, Id("bad"), Path.Combine(daemon.Directory, "absent.toml"))).Failed();
        Assert.Contains("absent.toml", error, StringComparison.Ordinal);
    }

    [Theory, ContainerdVersions]
    public async Task Start_fails_when_the_specification_is_broken(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string bundle = Directory.CreateDirectory(Path.Combine(daemon.Directory, Id("bundle"))).FullName;
        foreach (string content in (string[])["{\"ociVersion\":", "[]", "{\"annotations\":{\"a\":1}}", ""])
        {
            await File.WriteAllTextAsync(Path.Combine(bundle, "config.json"), content,
                TestContext.Current.CancellationToken);
            CommandResult result = await Command.RunAsync(Tools.Shim,
                ["-namespace", "default", "-id", Id("bad"), "-address", daemon.Socket, "start"], directory: bundle);
            Assert.Equal((1, ""), (result.ExitCode, result.Output));
            Assert.Contains("config.json", result.Error, StringComparison.Ordinal);
            Assert.Single(result.Error.TrimEnd().Split('\n'));
        }
        File.Delete(Path.Combine(bundle, "config.json"));
        CommandResult missing = await Command.RunAsync(Tools.Shim,
            ["-namespace", "default", "-id", Id("bad"), "-address", daemon.Socket, "start"], directory: bundle);
        Assert.Equal(1, missing.ExitCode);
        Directory.Delete(bundle, recursive: true);
    }

    [Theory, ContainerdVersions]
    public async Task Create_fails_when_the_sandbox_is_missing(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("lost");
        CommandResult result = await daemon.CtrAsync(daemon.Run(id,
            ["-d", .. PodAnnotations.OfContainer("nowhere").ToFlags()],
            "true"));
        Assert.Contains("sandbox nowhere", result.Failed(), StringComparison.Ordinal);
    }

    [Theory, ContainerdVersions]
    public async Task A_killed_shim_is_cleaned_up_after(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("orphan");
        (await daemon.CtrAsync(daemon.Run(id, ["-d"], "sleep", "1000"))).Succeeded();
        int shim = Assert.Single(Processes.Shims(daemon));
        Linux.Signals.Send(shim, Linux.Signals.SIGKILL);
        // containerd notices, runs `delete`, and says that the task is gone.
        await Eventually.TrueAsync("the task is gone or stopped",
            async () => await StatusAsync(daemon, id) is "" or "STOPPED" or "UNKNOWN");
        await Eventually.TrueAsync("the sandbox is gone",
            () => !Processes.Mentioning(daemon.RunscRoot).Any(pid =>
                Processes.CommandLine(pid).StartsWith("runsc-sandbox", StringComparison.Ordinal)));
    }

    /// <summary>runsc deletes nothing of a sandbox that is paused, and waits.</summary>
    [Theory, ContainerdVersions]
    public async Task A_killed_shim_of_a_paused_container_is_cleaned_up_after(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("paused");
        (await daemon.CtrAsync(daemon.Run(id, ["-d"], "sleep", "1000"))).Succeeded();
        (await daemon.CtrAsync("tasks", "pause", id)).Succeeded();
        Linux.Signals.Send(Assert.Single(Processes.Shims(daemon)), Linux.Signals.SIGKILL);
        await Eventually.TrueAsync("runsc has nothing left",
            () => RunscRoot.Entries(Path.Combine(daemon.RunscRoot, "default")).Count == 0);
        Assert.DoesNotContain(Processes.Mentioning(daemon.RunscRoot),
            static pid => Processes.CommandLine(pid).StartsWith("runsc-sandbox", StringComparison.Ordinal));
    }

    [Theory, ContainerdVersions]
    public async Task A_killed_sandbox_is_reported(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("crash");
        (await daemon.CtrAsync(daemon.Run(id, ["-d"], "sleep", "1000"))).Succeeded();
        int sandbox = Assert.Single(Processes.Mentioning(daemon.RunscRoot),
            pid => Processes.CommandLine(pid).StartsWith("runsc-sandbox", StringComparison.Ordinal));
        Linux.Signals.Send(sandbox, Linux.Signals.SIGKILL);
        await UntilStoppedAsync(daemon, id);
        Assert.Contains("exit code 137", (await daemon.CtrAsync("tasks", "delete", id)).Error,
            StringComparison.Ordinal);
    }

    private static async Task<string> ConfigurationAsync(Daemon daemon, string name, string content)
    {
        string path = Path.Combine(daemon.Directory, name);
        await File.WriteAllBytesAsync(path, Encoding.UTF8.GetBytes(content), TestContext.Current.CancellationToken);
        return path;
    }

    private static Task<CommandResult> RunAsync(Daemon daemon, string id, string configuration) => daemon.CtrAsync(
        "run", "--rm", "--runtime", "io.containerd.runsc.v1", "--runtime-config-path", configuration, Tools.ImageName,
            id, "true");
}
