using Shim.Sandboxes;

namespace Shim.Tests.Sandboxes;

/// <summary>A container, as its sandbox knows it, in the state that the test gives it.</summary>
internal sealed class ExampleMember(string id) : ISandboxMember
{
    public string Id { get; } = id;

    public string RunscId { get; } = $"{id}+";

    public string Name { get; } = id;

    public bool IsAlive { get; set; } = true;

    public string StateName => IsAlive ? "running" : "stopped";

    public string? RunningExec { get; set; }
}
