namespace Shim.Runsc;

/// <summary>A request that a sandbox answers on its control socket.</summary>
/// <param name="name">The method, without the part before the dot.</param>
/// <param name="bound">How long the answer may take.</param>
/// <param name="longestAnswer">How long the answer may be, in bytes.</param>
internal sealed class SandboxMethod(string name, TimeSpan bound, int longestAnswer)
{
    private const int Word = 64 << 10; // or an error message
    private const int Figures = 256 << 10; // a few KiB with every interface and processor that there can be

    // A sandbox takes a fraction of a millisecond, but seconds on a node whose processors are busy.
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(30);

    /// <summary>The end of a process, which takes as long as the process.</summary>
    public static SandboxMethod Wait { get; } = new("Wait", Timeout.InfiniteTimeSpan, Word);

    /// <summary>
    /// A signal. Its bound is shorter because the shim itself kills a sandbox that does not take its SIGKILL.
    /// </summary>
    public static SandboxMethod Signal { get; } = new("Signal", TimeSpan.FromSeconds(10), Word);

    /// <summary>A container's statistics. The CRI asks for those of all of a node's containers, in turn.</summary>
    public static SandboxMethod Event { get; } = new("Event", TimeSpan.FromSeconds(2), Figures);

    /// <summary>
    /// Pauses the sandbox. Not bounded, because what the sandbox does late must be known, too.
    /// </summary>
    public static SandboxMethod Pause { get; } = new("Pause", Timeout.InfiniteTimeSpan, Word);

    /// <summary>Undoes one pause; a sandbox that is not paused crashes.</summary>
    public static SandboxMethod Resume { get; } = new("Resume", Timeout.InfiniteTimeSpan, Word);

    /// <summary>Whether a container runs.</summary>
    public static SandboxMethod ContainerRuntimeState { get; } = new("ContainerRuntimeState", s_bound, Word);

    /// <summary>The method, without the part before the dot.</summary>
    public string Name { get; } = name;

    /// <summary>How long the answer may take.</summary>
    public TimeSpan Bound { get; } = bound;

    /// <summary>How long the answer may be, in bytes.</summary>
    public int LongestAnswer { get; } = longestAnswer;

    /// <inheritdoc/>
    public override string ToString() => Name;
}
