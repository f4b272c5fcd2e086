using System.Diagnostics;
using System.Globalization;
using System.Text;
using Linux;
using Testing;

namespace EndToEnd;

/// <summary>Whoever is gone in the middle of a create, or instead of a delete, nothing is left.</summary>
public class EndsTests(Daemons daemons) : ContainerTest(daemons)
{
    private const int Rounds = 100, AtOnce = 4, KilledClients = 20, KilledDaemons = 10;

    // containerd may hold a shim without a container, which ends by itself after a minute.
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(90);
    private static readonly string[] s_sleep = ["sleep", "1000"];

    /// <summary>Long before the end of a shim that nobody needs.</summary>
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(30);

    [Theory, ContainerdVersions]
    public async Task A_client_that_gives_up_during_the_create(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("slow");
        foreach (string script in (string[])["sleep 20; exec $runsc \"$@\"", "$runsc \"$@\"; sleep 20"])
        {
            CommandResult result = await daemon.CtrAsync(
                ["--timeout", "4s", .. RunWith(await SlowCreateAsync(daemon, script), id)]);
            result.Failed();
            await UntilNoShimAsync(daemon, s_soon);
            await daemon.CtrAsync("containers", "rm", id);
            (await daemon.CtrAsync(daemon.Run(id, ["--rm"], "true"))).Succeeded();
        }
    }

    [Theory, ContainerdVersions]
    public async Task A_containerd_that_is_killed_during_the_create(string version)
    {
        Daemon daemon = await OwnDaemonAsync(version);
        string id = Id("slow"), configuration = await SlowCreateAsync(daemon, "sleep 20; exec $runsc \"$@\"");
        Task<CommandResult> running = daemon.CtrAsync(RunWith(configuration, id));
        await Eventually.TrueAsync("the create begins", () => Processes.Mentioning($"{id}+").Count > 0);
        await daemon.KillAsync();
        (await running).Failed();
        await daemon.StartProcessAsync();
        // 1.6 still has the task; later versions ask for the task's processes, and delete it.
        await daemon.CtrAsync("tasks", "delete", "-f", id);
        await UntilNoShimAsync(daemon);
        await daemon.CtrAsync("containers", "rm", id);
        (await daemon.CtrAsync(daemon.Run(id, ["--rm"], "true"))).Succeeded();
    }

    /// <summary>The moments are random, over the time that a create takes.</summary>
    [Fact]
    public async Task A_shim_that_is_killed_at_any_moment_of_the_create()
    {
        Daemon daemon = await DaemonAsync(Tools.ContainerdVersions[^1]);
        int seed = Environment.TickCount;
        TestContext.Current.SendDiagnosticMessage($"seed {seed}");
        var random = new Random(seed);
        for (int round = 0; round < Rounds; round += AtOnce)
            await Task.WhenAll(Enumerable.Range(round, AtOnce)
                .Select(each => KillDuringCreateAsync(daemon, Id($"k{each}"), random.Next(0, 250))));
        await UntilNoShimAsync(daemon);
        await Eventually.PassesAsync(() => Assert.Empty(Processes.Mentioning(daemon.RunscRoot).Select(
            Processes.CommandLine)));
    }

    [Theory, ContainerdVersions]
    public async Task A_shim_that_is_killed_while_its_sandbox_is_stopped(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("stopped");
        (await daemon.CtrAsync(daemon.Run(id, ["-d"], s_sleep))).Succeeded();
        StopSandbox(daemon);
        Signals.Send(Assert.Single(Processes.Shims(daemon)), Signals.SIGKILL);
        await Eventually.PassesAsync(() => Assert.Empty(Processes.Mentioning(daemon.RunscRoot).Select(
            Processes.CommandLine)));
        // The clean-up kills first and removes files after that.
        await Eventually.PassesAsync(() =>
            Assert.Empty(RunscRoot.Entries(Path.Combine(daemon.RunscRoot, "default"))));
    }

    /// <summary>runsc deletes nothing from a paused sandbox, and a stopped one is not resumed.</summary>
    [Theory, ContainerdVersions]
    public async Task A_shim_that_is_killed_while_the_sandbox_of_three_paused_containers_is_stopped(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        Leftovers leftovers = Leftovers.Before(daemon);
        string pod = Id("pod");
        string[] ids = [pod, Id("one"), Id("two")];
        foreach (string id in ids)
            (await daemon.CtrAsync(daemon.Run(id, ["-d", .. (id == pod
                ? PodAnnotations.OfSandbox(pod) : PodAnnotations.OfContainer(pod)).ToFlags()], s_sleep))).Succeeded();
        foreach (string id in ids)
            (await daemon.CtrAsync("tasks", "pause", id)).Succeeded();
        StopSandbox(daemon);
        Signals.Send(Assert.Single(Processes.Shims(daemon)), Signals.SIGKILL);
        await leftovers.AssertNoneAsync(s_soon);
    }

    /// <summary>The moments are random, over the time that a run takes.</summary>
    [Theory, ContainerdVersions]
    public async Task Clients_that_are_killed_at_any_moment_of_a_run(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        int seed = Environment.TickCount;
        TestContext.Current.SendDiagnosticMessage($"seed {seed}");
        var random = new Random(seed);
        string[] ids = [.. Enumerable.Range(0, KilledClients).Select(each => Id($"c{each}"))];
        await Parallel.ForEachAsync(ids, new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
            async (id, _) => await KillClientAsync(daemon, id, random.Next(1, 400)));
        foreach (string id in ids)
        {
            await daemon.CtrAsync("tasks", "delete", "-f", id);
            await daemon.CtrAsync("containers", "rm", id);
            await daemon.CtrAsync("snapshots", "rm", id); // the client was killed before it made the container
        }
        await UntilNoShimAsync(daemon);
        UnmountOfKilledClients(daemon);
        foreach (string id in ids[..3])
            (await daemon.CtrAsync(daemon.Run(id, ["--rm"], "true"))).Succeeded();
    }

    /// <summary>containerd starts a shim and is gone before it knows the address.</summary>
    [Theory, ContainerdVersions]
    public async Task A_containerd_that_is_killed_before_the_shim_answers(string version)
    {
        using TempDirectory binaries = new();
        string wrapper = binaries["containerd-shim-late-v1"];
        await File.WriteAllTextAsync(wrapper, $"""
            #!/bin/sh
            case " $* " in
              *" start "*) answer=$({Tools.Shim} "$@"); sleep 3; printf %s "$answer" ;;
              *) exec {Tools.Shim} "$@" ;;
            esac

            """, TestContext.Current.CancellationToken);
        File.SetUnixFileMode(wrapper, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Daemon daemon = await OwnDaemonAsync(version, binaries.Path);
        string id = Id("late");
        Task<CommandResult> running = daemon.CtrAsync("run", "-d", "--runtime", "io.containerd.late.v1",
            "--runtime-config-path", daemon.ShimConfiguration, Tools.ImageName, id, "sleep", "1000");
        await Eventually.TrueAsync("the shim serves", () =>
            Processes.Shims(daemon).Any(pid => IsServing(pid, id)));
        await daemon.KillAsync();
        (await running).Failed();
        await daemon.StartProcessAsync();
        await UntilNoShimAsync(daemon);
        await daemon.CtrAsync("containers", "rm", id);
        (await daemon.CtrAsync(daemon.Run(id, ["--rm"], "true"))).Succeeded();
    }

    /// <summary>
    /// The client reads the exec's output to its end, also if containerd was gone before the exec was started.
    /// </summary>
    [Theory, ContainerdVersions]
    public async Task A_containerd_that_is_killed_during_an_exec(string version)
    {
        Daemon daemon = await OwnDaemonAsync(version);
        string id = Id("execs");
        (await daemon.CtrAsync(daemon.Run(id, ["-d"], s_sleep))).Succeeded();
        int seed = Environment.TickCount;
        TestContext.Current.SendDiagnosticMessage($"seed {seed}");
        var random = new Random(seed);
        for (int round = 0; round < KilledDaemons; round++)
        {
            int delay = random.Next(5, 60);
            string exec = string.Create(CultureInfo.InvariantCulture, $"e{round}");
            Task<CommandResult> running = daemon.CtrAsync("tasks", "exec", "--exec-id", exec, id, "true");
            await Task.Delay(delay, TestContext.Current.CancellationToken);
            await daemon.KillAsync();
            await daemon.StartProcessAsync();
            Task late = Task.Delay(s_soon, TestContext.Current.CancellationToken);
            Assert.True(await Task.WhenAny(running, late) == running,
                $"ctr of exec {round} hangs after a kill at {delay} ms");
            await running;
        }
        Assert.Equal("RUNNING", await StatusAsync(daemon, id));
    }

    /// <summary>Nothing of the container may depend on it: containerd ends the command after 5 s.</summary>
    [Theory, ContainerdVersions]
    public async Task A_runsc_that_hangs_when_the_container_of_a_killed_shim_is_deleted(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("hangs");
        (await daemon.CtrAsync(RunWith(await SlowAsync(daemon, "delete", "sleep 1000"), id))).Succeeded();
        Signals.Send(Assert.Single(Processes.Shims(daemon)), Signals.SIGKILL);
        await Eventually.PassesAsync(() => Assert.Empty(Processes.Mentioning(daemon.RunscRoot).Select(
            Processes.CommandLine)));
        await Eventually.TrueAsync("the task is gone", async () => await StatusAsync(daemon, id) == "");
    }

    /// <summary>
    /// The second one's create is refused by runsc; undoing it must not touch the first one's container.
    /// </summary>
    [Theory, ContainerdVersions]
    public async Task Two_containerds_that_share_the_root_of_runsc(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("same");
        (await daemon.CtrAsync(daemon.Run(id, ["-d"], s_sleep))).Succeeded();
        await using (Daemon other = await Daemon.StartAsync(version))
        {
            string configuration = await ConfigurationAsync(other, Tools.Runsc, daemon.RunscRoot);
            CommandResult second = await other.CtrAsync(RunWith(configuration, id));
            Assert.Contains("already exists", second.Failed(), StringComparison.Ordinal);
            await RemoveContainersAsync(other);
        }
        Assert.Equal("RUNNING", await StatusAsync(daemon, id));
        (await daemon.CtrAsync("tasks", "exec", "--exec-id", "e", id, "true")).Succeeded();
    }

    [Theory, ContainerdVersions]
    public async Task Signals_to_a_paused_and_to_an_ended_task(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("paused");
        (await daemon.CtrAsync(daemon.Run(id, ["-d"],
            "sh", "-c", "trap 'exit 7' TERM; touch /tmp/up; while :; do sleep 0.05; done"))).Succeeded();
        await UntilUpAsync(daemon, id);
        (await daemon.CtrAsync("tasks", "pause", id)).Succeeded();
        (await daemon.CtrAsync("tasks", "kill", "-s", "TERM", id)).Succeeded();
        Assert.Equal("PAUSED", await StatusAsync(daemon, id));
        (await daemon.CtrAsync("tasks", "resume", id)).Succeeded();
        await UntilStoppedAsync(daemon, id);
        foreach (string signal in (string[])["TERM", "KILL"])
            Assert.Contains("not found", (await daemon.CtrAsync("tasks", "kill", "-s", signal, id)).Failed(),
                StringComparison.Ordinal);
        Assert.Contains("exit code 7", (await daemon.CtrAsync("tasks", "delete", id)).Error, StringComparison.Ordinal);
    }

    private const int SIGSTOP = 19;

    private static void StopSandbox(Daemon daemon) => Signals.Send(Assert.Single(
        Processes.Mentioning(daemon.RunscRoot), static pid =>
            Processes.CommandLine(pid).StartsWith("runsc-sandbox", StringComparison.Ordinal)), SIGSTOP);

    private static async Task KillDuringCreateAsync(Daemon daemon, string id, int milliseconds)
    {
        Task<CommandResult> running = daemon.CtrAsync(daemon.Run(id, ["-d"], s_sleep));
        int shim = 0;
        // Not before: a shim that is killed before containerd has connected leaves its socket.
        string state = Path.Combine(daemon.BundlesOf("default"), id, "state.json");
        await Eventually.TrueAsync("the shim creates", () => running.IsCompleted || (File.Exists(state)
            && (shim = Processes.Shims(daemon).FirstOrDefault(pid => IsServing(pid, id))) != 0));
        await Task.Delay(milliseconds);
        if (shim != 0)
            Signals.Send(shim, Signals.SIGKILL);
        await running;
        await Eventually.TrueAsync("the container can be removed", async () =>
        {
            await daemon.CtrAsync("tasks", "delete", "-f", id);
            return (await daemon.CtrAsync("containers", "rm", id)).ExitCode == 0
                || !(await daemon.CtrAsync("containers", "ls", "-q")).Output.Contains(id, StringComparison.Ordinal);
        });
    }

    private static bool IsServing(int shim, string id) => Processes.IsServing(shim)
        && Processes.CommandLine(shim).Contains($"-id {id} ", StringComparison.Ordinal);

    private static Task UntilNoShimAsync(Daemon daemon, TimeSpan? bound = null) => Eventually.PassesAsync(
        () => Assert.Empty(Processes.Shims(daemon).Select(Processes.CommandLine)), bound ?? s_idle);

    private static async Task KillClientAsync(Daemon daemon, string id, int milliseconds)
    {
        using Process client = Command.Start(daemon.Ctr, ["-a", daemon.Socket, .. daemon.Run(id, ["-d"], s_sleep)],
            environment: Daemon.CtrEnvironment);
        await Task.Delay(milliseconds);
        client.Kill();
        await client.WaitForExitAsync();
    }

    private static string[] RunWith(string configuration, string id) =>
        ["run", "-d", "--runtime", "io.containerd.runsc.v1", "--runtime-config-path", configuration, Tools.ImageName,
            id, .. s_sleep];

    /// <summary>A runsc that takes long to create a container, before or after it does.</summary>
    private static Task<string> SlowCreateAsync(Daemon daemon, string script) => SlowAsync(daemon, "create", script);

    private static async Task<string> SlowAsync(Daemon daemon, string command, string script)
    {
        string path = Path.Combine(daemon.Directory, "slow-runsc");
        await File.WriteAllTextAsync(path, $"""
            #!/bin/sh
            runsc={Tools.Runsc}
            case " $* " in
              *" {command} "*) {script} ;;
              *) exec $runsc "$@" ;;
            esac

            """, TestContext.Current.CancellationToken);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return await ConfigurationAsync(daemon, path, daemon.RunscRoot);
    }

    private static async Task<string> ConfigurationAsync(Daemon daemon, string runsc, string root)
    {
        string path = Path.Combine(daemon.Directory,
            string.Create(CultureInfo.InvariantCulture, $"ends-{Guid.NewGuid():N}.toml"));
        string common = await File.ReadAllTextAsync(daemon.ShimConfiguration, TestContext.Current.CancellationToken);
        StringBuilder lines = new();
        foreach (string line in common.Split('\n'))
            lines.Append(line.StartsWith("binary_name", StringComparison.Ordinal) ? $"binary_name = \"{runsc}\""
                : line.StartsWith("root", StringComparison.Ordinal) ? $"root = \"{root}\"" : line).Append('\n');
        await File.WriteAllTextAsync(path, lines.ToString(), TestContext.Current.CancellationToken);
        return path;
    }
}
