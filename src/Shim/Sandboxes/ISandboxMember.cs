namespace Shim.Sandboxes;

/// <summary>A container, as its sandbox knows it.</summary>
internal interface ISandboxMember
{
    /// <summary>containerd's id.</summary>
    string Id { get; }

    /// <summary>runsc's id.</summary>
    string RunscId { get; }

    /// <summary>The container's name in its pod; empty if it has none.</summary>
    string Name { get; }

    /// <summary>Whether its first process runs, or is paused.</summary>
    bool IsAlive { get; }

    /// <summary>The state of its first process in a word.</summary>
    string StateName { get; }

    /// <summary>One of its running execs, as messages name it; null if none runs.</summary>
    string? RunningExec { get; }
}
