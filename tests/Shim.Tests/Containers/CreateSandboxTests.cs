using System.Text.Json.Nodes;
using Containerd.Api.Events;
using Linux;
using Shim.Bundles;
using Shim.Containers;
using Shim.Io;
using Shim.Tests.Support;

namespace Shim.Tests.Containers;

/// <summary>The creation of a sandbox's first container, when nothing goes wrong.</summary>
public sealed class CreateSandboxTests
{
    [Fact]
    public void A_created_container_is_everyones() => TestShim.Run(async shim =>
    {
        Container container = await shim.Creator.CreateAsync(shim.Request("pod"));
        Assert.Same(container, shim.Store.Get("pod"));
        Assert.Same(container.Sandbox, shim.Store.FindSandbox("pod"));
        Assert.Equal([container], container.Sandbox.Members);
        Assert.Equal(ScriptedRunsc.SandboxPid, container.Init.Pid);
        Assert.Equal(ProcessState.Created, container.Init.State);
        TaskCreate created = Assert.Single(shim.Events.Of<TaskCreate>());
        Assert.Equal("pod", created.ContainerId);
        Assert.Equal(container.Bundle.Path, created.Bundle);
        Assert.Equal((uint)ScriptedRunsc.SandboxPid, created.Pid);
        Assert.Equal(["create --bundle pod --pid-file init.pid pod+"], shim.Runsc.Commands);
    });

    [Fact]
    public void Runsc_gets_its_root_its_log_and_the_configured_flags() => TestShim.Run(async shim =>
    {
        CreateRequest request = shim.Request("pod");
        SortedDictionary<string, string> flags = new() { ["network"] = "none" };
        await shim.Creator.CreateAsync(request with
        {
            Configuration = request.Configuration with { BinaryName = "/opt/runsc", RunscConfig = flags },
        });
        Assert.Equal(
            ["/opt/runsc", $"--root={shim.RunscRoot}", $"--log={request.Bundle.RunscLog}", "--log-format=json",
                "--network=none", "create"],
            shim.Runsc.Calls[0].Request.Arguments.Take(6));
    });

    [Fact]
    public void The_state_is_written_before_runsc_is_started() => TestShim.Run(async shim =>
    {
        CreateRequest request = shim.Request("pod");
        BundleState? state = null;
        shim.Runsc.On("create", _ => { state = BundleState.Load(request.Bundle); });
        await shim.Creator.CreateAsync(request);
        Assert.Equal("pod+", state!.RunscId);
        Assert.Equal(shim.RunscRoot, state.RunscRoot);
    });

    [Fact]
    public void Runsc_reads_a_specification_with_its_own_ids() => TestShim.Run(async shim =>
    {
        CreateRequest request = shim.Request("pod");
        await shim.Creator.CreateAsync(request);
        JsonNode spec = JsonNode.Parse(File.ReadAllText(request.Bundle.Specification))!;
        Assert.Equal("pod+", (string?)spec["annotations"]!["io.kubernetes.cri.sandbox-id"]);
    });

    [Fact]
    public void Its_streams_are_handed_over() => TestShim.Run(async shim =>
    {
        string output = shim.Directory["output"];
        int count = 0;
        bool isOpen = false;
        shim.Runsc.On("create", call =>
        {
            count = call.Request.Descriptors.Count;
            isOpen = TestShim.IsOpen(output);
        });
        Container container = await shim.Creator.CreateAsync(shim.Request("pod") with
        {
            Stdio = new StdioRequest("", $"file://{output}", "", Terminal: false),
        });
        Assert.Equal(3, count);
        Assert.True(isOpen);
        Assert.False(TestShim.IsOpen(output));
        await container.Init.Stdio.DisposeAsync();
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Logs_for_users_are_in_the_pods_log_directory(bool exists) => TestShim.Run(async shim =>
    {
        string logs = shim.Directory["logs"];
        if (exists)
            Directory.CreateDirectory(logs);
        Bundle bundle = shim.WriteBundle("pod", annotations: ("io.kubernetes.cri.sandbox-log-directory", logs));
        await shim.Creator.CreateAsync(shim.Request("pod", bundle));
        RunscCall call = shim.Runsc.Calls[0];
        Assert.Equal(exists ? Path.Combine(logs, "gvisor.log") : null, call.Flag("--user-log"));
        Assert.Equal(exists ? Path.Combine(logs, "gvisor_panic.log") : null, call.Global("--panic-log"));
    });

    [Fact]
    public void Its_end_is_watched() => TestShim.Run(async shim =>
    {
        Container container = await shim.Creator.CreateAsync(shim.Request("pod"));
        shim.Runsc.EndSandbox(9);
        Assert.Equal(137, (await container.Init.Ended).Status);
        Assert.Equal(["create pod", "exit pod 137"], shim.Events.Lines);
    });

    [Fact]
    public void The_whole_life_of_a_container_through_runsc_alone() => TestShim.Run(async shim =>
    {
        // The record names no control socket, so runsc's commands are used.
        Container container = await shim.Creator.CreateAsync(shim.Request("pod"));
        await container.StartAsync();
        await container.PauseAsync();
        await container.ResumeAsync();
        shim.Runsc.On("kill", _ => shim.Runsc.EndSandbox(Signals.SIGTERM));
        await container.KillAsync("", Signals.SIGTERM, all: false);
        await container.Init.Ended;
        Assert.Equal(143, (await container.DeleteAsync()).Status);
        Assert.Equal(
            [
                "create --bundle pod --pid-file init.pid pod+", "start pod+", "pause pod+", "resume pod+",
                "kill pod+ 15", "delete --force pod+",
            ],
            shim.Runsc.Commands);
        Assert.Equal(
            ["create pod", "start pod", "paused pod", "resumed pod", "exit pod 143", "delete pod 143"],
            shim.Events.Lines);
        Assert.Equal(0, shim.Store.Count);
        Assert.Empty(container.Sandbox.Members);
    });
}
