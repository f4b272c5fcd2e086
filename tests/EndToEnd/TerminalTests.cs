using Testing;

namespace EndToEnd;

/// <summary>`ctr run -t` in a real terminal.</summary>
public class TerminalTests(Daemons daemons) : ContainerTest(daemons)
{
    /// <summary>
    /// A shell without line editing: busybox's asks the terminal where its cursor is, and takes what is typed meanwhile
    /// for the answer.
    /// </summary>
    private const string Shell = "echo ready; while read -r line; do eval \"$line\"; done";

    private const string Prompt = "ready\n";

    [Theory, ContainerdVersions]
    public async Task An_interactive_shell_has_a_terminal_of_the_right_size(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        using var terminal = TerminalSession.Start(columns: 100, rows: 30,
            [daemon.Ctr, "-a", daemon.Socket, .. daemon.Run(Id("tty"), ["--rm", "-t"], "sh", "-c", Shell)]);
        // What is typed before ctr has put the terminal into raw mode is lost.
        await terminal.UntilAsync(Prompt);
        terminal.Type("test -t 0 && echo a terminal\r");
        await terminal.UntilAsync("\na terminal\n");
        await UntilSizeAsync("30 100"); // ctr sends it when the shell runs already
        terminal.Resize(columns: 120, rows: 40);
        await UntilSizeAsync("40 120");
        terminal.Type("exit 5\r");
        Assert.Equal(5, await terminal.ExitCodeAsync());

        Task UntilSizeAsync(string size) => Eventually.TrueAsync($"the size is {size} inside", async () =>
        {
            terminal.Type("stty size\r");
            return await terminal.SawAsync(size);
        });
    }

    [Theory, ContainerdVersions]
    public async Task The_last_output_arrives(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        using var terminal = TerminalSession.Start(columns: 80, rows: 24,
            [daemon.Ctr, "-a", daemon.Socket, .. daemon.Run(Id("last"), ["--rm", "-t"], "seq", "1", "5000")]);
        await terminal.UntilAsync("\n4999\n5000\n");
        Assert.Equal(0, await terminal.ExitCodeAsync());
    }

    [Theory, ContainerdVersions]
    public async Task An_exec_can_have_a_terminal(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("box");
        (await daemon.CtrAsync(daemon.Run(id, ["-d"], "sleep", "1000"))).Succeeded();
        using var terminal = TerminalSession.Start(columns: 80, rows: 24,
            [daemon.Ctr, "-a", daemon.Socket, "tasks", "exec", "-t", "--exec-id", "shell", id, "sh", "-c", Shell]);
        await terminal.UntilAsync(Prompt);
        terminal.Type("echo $((6*7))\r");
        await terminal.UntilAsync("\n42\n");
        terminal.Type("exit 9\r");
        Assert.Equal(9, await terminal.ExitCodeAsync());
    }

    [Theory, ContainerdVersions]
    public async Task Ctrl_C_interrupts(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        using var terminal = TerminalSession.Start(columns: 80, rows: 24,
            [daemon.Ctr, "-a", daemon.Socket,
                .. daemon.Run(Id("ctrlc"), ["--rm", "-t"], "sh", "-c", "echo ready; exec sleep 100")]);
        await terminal.UntilAsync(Prompt);
        terminal.Type("\u0003");
        Assert.Equal(130, await terminal.ExitCodeAsync());
    }
}
