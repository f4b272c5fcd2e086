using Grpc.Core;
using Testing;

namespace EndToEnd;

/// <summary>What `kubectl exec`, `kubectl attach` and probes do in a pod's container.</summary>
public class CriExecTests(Daemons daemons) : CriTest(daemons)
{
    [Theory, ContainerdVersions, VirtualMachine]
    public async Task A_command_returns_its_output_and_exit_code(string version)
    {
        PodContainer container = await ContainerAsync(version, new ContainerSettings("app", "sleep", "1000"));
        CommandResult result = await container.ExecAsync("sh", "-c", "echo out; echo err >&2; exit 7");
        Assert.Equal((7, "out\n", "err\n"), (result.ExitCode, result.Output, result.Error));
        // More than any pipe holds.
        Assert.Equal(1 << 20, (await container.ExecAsync("head", "-c", $"{1 << 20}", "/dev/zero")).OutputBytes.Length);
        RpcException missing = await Assert.ThrowsAsync<RpcException>(() => container.ExecAsync("/no/such/file"));
        Assert.Contains("/no/such/file", missing.Status.Detail, StringComparison.Ordinal);
    }

    [Theory, ContainerdVersions]
    public async Task A_command_is_killed_at_its_timeout(string version)
    {
        PodContainer container = await ContainerAsync(version, new ContainerSettings("app", "sleep", "1000"));
        RpcException limit = await Assert.ThrowsAsync<RpcException>(() => container.ExecAsync(1, "sleep", "77"));
        Assert.Equal(StatusCode.DeadlineExceeded, limit.StatusCode);
        Assert.Contains("timeout 1s exceeded", limit.Status.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("sleep 77", (await container.ExecAsync("ps")).Succeeded(), StringComparison.Ordinal);
        Assert.Equal("on\n", (await container.ExecAsync(10, "echo", "on")).Succeeded());
    }

    [Theory, ContainerdVersions]
    public async Task A_command_with_streams(string version)
    {
        PodContainer container = await ContainerAsync(version, new ContainerSettings("app", "sleep", "1000"));
        await using RemoteCommand command = await container.OpenExecAsync(
            terminal: false, stdin: true, "sh", "-c", "read line; echo got $line; echo bad >&2; exit 9");
        await command.WriteAsync("this\n");
        Assert.Equal(9, await command.ExitCodeAsync());
        Assert.Equal(("got this\n", "bad\n"), (command.Output, command.Error));
        await using RemoteCommand quiet = await container.OpenExecAsync(terminal: false, stdin: false, "true");
        Assert.Equal(0, await quiet.ExitCodeAsync());
    }

    [Theory, ContainerdVersions]
    public async Task A_command_on_a_terminal_follows_its_size(string version)
    {
        PodContainer container = await ContainerAsync(version, new ContainerSettings("app", "sleep", "1000"));
        await using RemoteCommand command = await container.OpenExecAsync(terminal: true, stdin: true, "sh");
        foreach ((int columns, int rows) in (IEnumerable<(int, int)>)[(91, 33), (120, 50)])
        {
            await command.ResizeAsync(columns, rows);
            // The size is another message than what is typed, and takes another way.
            await Eventually.TrueAsync($"{rows} {columns} on the terminal", async () =>
            {
                await command.WriteAsync("stty size\n");
                return command.Output.Contains($"{rows} {columns}", StringComparison.Ordinal);
            });
        }
        await command.WriteAsync("exit 4\n");
        Assert.Equal(4, await command.ExitCodeAsync());
        Assert.Equal("", command.Error);
    }

    [Theory, ContainerdVersions]
    public async Task Clients_can_attach_one_after_another(string version)
    {
        PodContainer container = await ContainerAsync(version,
            new ContainerSettings("app", "sh", "-c",
                "while read line; do echo got $line; echo and $line >&2; done")
            { Stdin = true });
        foreach (string text in (string[])["one", "two"])
        {
            await using RemoteCommand attached = await container.OpenAttachAsync();
            await attached.WriteAsync($"{text}\n");
            await attached.UntilOutputAsync($"got {text}\n");
            await Eventually.TrueAsync("its standard error", () => attached.Error == $"and {text}\n");
            await container.UntilLoggedAsync($"got {text}");
        }
    }

    [Theory, ContainerdVersions]
    public async Task With_stdin_once_the_input_ends_when_the_first_client_detaches(string version)
    {
        PodContainer container = await ContainerAsync(version,
            new ContainerSettings("app", "sh", "-c", "cat; exit 6") { Stdin = true, StdinOnce = true });
        await using (RemoteCommand attached = await container.OpenAttachAsync())
        {
            await attached.WriteAsync("last words\n");
            await attached.UntilOutputAsync("last words\n");
        }
        Assert.Equal(6, (await container.UntilExitedAsync()).ExitCode);
    }

    [Theory, ContainerdVersions]
    public async Task A_client_can_attach_to_a_terminal(string version)
    {
        PodContainer container = await ContainerAsync(version,
            new ContainerSettings("app", "sh") { Stdin = true, Terminal = true });
        await using RemoteCommand attached = await container.OpenAttachAsync();
        await attached.ResizeAsync(77, 22);
        await Eventually.TrueAsync("the size", async () =>
        {
            await attached.WriteAsync("stty size\n");
            return attached.Output.Contains("22 77", StringComparison.Ordinal);
        });
        await attached.WriteAsync("exit 2\n");
        Assert.Equal(2, (await container.UntilExitedAsync()).ExitCode);
    }

    private async Task<PodContainer> ContainerAsync(string version, ContainerSettings settings)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync();
        return await pod.RunAsync(settings);
    }
}
