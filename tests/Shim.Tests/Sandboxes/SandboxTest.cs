using Linux;
using Shim.Checkpoints;
using Shim.Runsc;
using Shim.Sandboxes;
using Shim.Tests.Checkpoints;
using Shim.Tests.Support;

namespace Shim.Tests.Sandboxes;

/// <summary>A sandbox with a scripted control client and two members, <c>one</c> and <c>two</c>.</summary>
internal sealed class SandboxTest
{
    private SandboxTest(TestShim shim, Task? died)
    {
        Shim = shim;
        Sandbox = new Sandbox(shim.Context, "pod", ScriptedRunsc.SandboxPid,
            died ?? shim.Runsc.WatchAsync(ScriptedRunsc.SandboxPid), Control);
        Sandbox.Add(One);
        Sandbox.Add(Two);
    }

    public TestShim Shim { get; }

    public Sandbox Sandbox { get; }

    public ScriptedControl Control { get; } = new();

    public ExampleMember One { get; } = new("one");

    public ExampleMember Two { get; } = new("two");

    /// <summary>Runs a test.</summary>
    /// <param name="body">The test.</param>
    /// <param name="died">The end of the sandbox's process, if it is not the scripted runsc's.</param>
    public static void Run(Func<SandboxTest, Task> body, Task? died = null) =>
        TestShim.Run(shim => body(new SandboxTest(shim, died)));

    /// <summary>Makes it start from an image that holds containers of these names.</summary>
    public SandboxRestore Restore(params string[] names)
    {
        string path = ExampleImage.Write(Shim.Directory["image"], ExampleImage.Header.Replace(
            "\"3\"", $"\"{names.Length}\"", StringComparison.Ordinal),
            new CheckpointRecord { RunscVersion = "release-test", Containers = names });
        return Sandbox.RestoreFrom(CheckpointImage.Open(ImageDirectory.Open(path)), new RestoreSettings(path),
            TimeSpan.FromSeconds(60));
    }

    /// <summary>Something in the sandbox that lasts until the source is completed.</summary>
    public (Task Act, TaskCompletionSource End) Act()
    {
        TaskCompletionSource end = LoopTask.NewSource();
        return (Sandbox.ActAsync(() => end.Task), end);
    }
}
