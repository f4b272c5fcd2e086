using Shim.Bundles;
using Shim.Checkpoints;
using Shim.Containers;
using Shim.Io;
using Shim.Oci;
using Shim.Runsc;
using Shim.Sandboxes;
using Shim.Tests.Checkpoints;
using Shim.Tests.Support;

namespace Shim.Tests.Containers;

/// <summary>
/// A pod whose containers runsc has created: each with a bundle, a record in runsc's root and a watched end. The first
/// one is <c>pod</c>.
/// </summary>
internal sealed class TestPod(TestShim shim, Task? died = null)
{
    public TestShim Shim { get; } = shim;

    public ScriptedControl Control { get; } = new();

    public Sandbox Sandbox => field ??= new Sandbox(Shim.Context, "pod", ScriptedRunsc.SandboxPid,
        died ?? Shim.Runsc.WatchAsync(ScriptedRunsc.SandboxPid), Control);

    /// <summary>Runs a test.</summary>
    /// <param name="body">The test.</param>
    /// <param name="died">The end of the sandbox's process, if it is not the scripted runsc's.</param>
    public static void Run(Func<TestPod, Task> body, Task? died = null) =>
        TestShim.Run(shim => body(new TestPod(shim, died)));

    /// <summary>Adds a container.</summary>
    /// <param name="id">Its id; <c>pod</c> for the first one.</param>
    /// <param name="sharesProcesses">Its PID namespace is the sandbox's.</param>
    /// <param name="stdout">Its standard output.</param>
    public async Task<Container> AddAsync(string id, bool sharesProcesses = false, string stdout = "")
    {
        Bundle bundle = Shim.WriteBundle(id, id == "pod" ? null : "pod", sharesProcesses);
        CreateRequest request = Shim.Request(id, bundle) with
        {
            Stdio = new StdioRequest("", stdout, "", Terminal: false),
        };
        var pending = new PendingCreate(id, bundle);
        Shim.Store.Reserve(pending);
        var creation = new ContainerCreation(Shim.Context, request, ContainerSpec.Read(bundle.Specification),
            pending, new Undo(id, Shim.Context.Log));
        creation.SaveState();
        int? place = Sandbox.Restore?.Add(creation.Spec.Name);
        ProcessStdio stdio = await creation.OpenStdioAsync();
        Directory.CreateDirectory(creation.State.RunscRoot);
        File.WriteAllText(RecordOf(id), $$"""{"bundleDir":"{{bundle.Path}}"}""");
        var init = new ContainerProcess(id, $"container {id}", request.Stdio, stdio) { Pid = Sandbox.Pid };
        var container = new Container(Shim.Context, Shim.Store, creation, Sandbox, init, place);
        Sandbox.Add(container);
        Shim.Store.Add(container);
        container.WatchEnd();
        return container;
    }

    /// <summary>Adds a container and starts it.</summary>
    public async Task<Container> StartAsync(string id, bool sharesProcesses = false)
    {
        Container container = await AddAsync(id, sharesProcesses);
        await container.StartAsync();
        return container;
    }

    /// <summary>Adds a container and brings it into a state, in a sandbox whose first container runs.</summary>
    public async Task<Container> InStateAsync(string id, ProcessState state)
    {
        if (id != "pod")
            await StartAsync("pod");
        Container container = await AddAsync(id);
        if (state is ProcessState.Running or ProcessState.Paused or ProcessState.Stopped)
            await container.StartAsync();
        if (state == ProcessState.Paused)
            await container.PauseAsync();
        if (state == ProcessState.Stopped)
            await EndAsync(container, 0);
        if (state == ProcessState.Deleted)
            await container.DeleteAsync();
        Assert.Equal(state, container.Init.State);
        return container;
    }

    /// <summary>Starts an exec.</summary>
    /// <returns>Its process, which is known when the clock has moved by 4 ms.</returns>
    public async Task<int> StartExecAsync(Container container, string execId)
    {
        Task<int> starting = container.StartExecAsync(execId);
        string pidFile = container.Bundle.ExecFile(execId, "pid");
        await TestShim.UntilAsync(() => new FileInfo(pidFile) is { Exists: true, Length: > 0 });
        Shim.Time.Advance(TimeSpan.FromMilliseconds(4));
        return await starting;
    }

    /// <summary>Adds a container, starts it and ends it.</summary>
    public async Task<Container> InStoppedAsync(string id, int status)
    {
        Container container = await StartAsync(id);
        await EndAsync(container, status);
        return container;
    }

    /// <summary>A container's first process ends.</summary>
    public async Task EndAsync(Container container, int status)
    {
        if (container.IsSandbox)
            Shim.Runsc.EndSandbox(status << 8);
        else
            Control.End(container.RunscId, status);
        await container.Init.Ended;
        await TestShim.SettleAsync();
    }

    /// <summary>Makes the containers that are added from now on start from an image.</summary>
    /// <param name="names">The names of the containers in it.</param>
    public SandboxRestore Restore(params string[] names)
    {
        string path = ExampleImage.Write(Shim.Directory["image"], HeaderOf(names.Length),
            new CheckpointRecord { RunscVersion = "release-test", Containers = names });
        return Sandbox.RestoreFrom(CheckpointImage.Open(ImageDirectory.Open(path)), new RestoreSettings(path),
            TimeSpan.FromSeconds(60));
    }

    /// <summary>runsc's record of a container.</summary>
    public string RecordOf(string id) => Path.Combine(Shim.RunscRoot, $"{id}+_sandbox:pod+.state");

    /// <summary>What runsc writes into an image of so many containers.</summary>
    public static string HeaderOf(int count) =>
        ExampleImage.Header.Replace("\"3\"", $"\"{count}\"", StringComparison.Ordinal);
}
