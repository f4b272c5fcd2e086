namespace Shim.Runsc;

/// <summary>Requests to the sandbox of a running container. All but <see cref="WaitAsync"/> answer soon.</summary>
/// <remarks>
/// An id is always runsc's id of a container (<see cref="RunscId"/>). Failures are <see cref="RunscException"/>.
/// </remarks>
internal interface ISandboxControl
{
    /// <summary>Waits until the container's first process has ended.</summary>
    /// <param name="id">The container.</param>
    /// <param name="abandon">Ends the wait, which then fails.</param>
    /// <returns>Its exit status; 128 plus the signal's number if a signal ended it.</returns>
    Task<int> WaitAsync(string id, CancellationToken abandon);

    /// <summary>Sends a signal.</summary>
    /// <param name="id">The container.</param>
    /// <param name="signal">The signal's number.</param>
    /// <param name="pid">The process's id inside the sandbox; 0: the container's first process.</param>
    /// <param name="all">Every process of the container.</param>
    Task SignalAsync(string id, int signal, int pid, bool all);

    /// <summary>The container's statistics.</summary>
    Task<RunscStats> StatsAsync(string id);

    /// <summary>Pauses the whole sandbox of the container.</summary>
    Task PauseAsync(string id);

    /// <summary>Resumes the whole sandbox of the container.</summary>
    Task ResumeAsync(string id);

    /// <summary>The container's state according to the sandbox.</summary>
    Task<SandboxContainerState> StateAsync(string id);
}

/// <summary>A container as its sandbox sees it.</summary>
internal enum SandboxContainerState
{
    /// <summary>Not started.</summary>
    Created,

    /// <summary>Running, or paused.</summary>
    Running,

    /// <summary>Ended, or not known to the sandbox.</summary>
    Stopped,
}
