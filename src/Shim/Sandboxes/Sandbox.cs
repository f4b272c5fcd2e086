using Linux;
using Shim.Checkpoints;
using Shim.Runsc;
using Shim.Volumes;

namespace Shim.Sandboxes;

/// <summary>A gVisor sandbox: the process in which a container, or all containers of a pod, run.</summary>
/// <remarks>
/// It owns what its containers share: the control client, the cgroup, the out-of-memory watch, the restore, and the
/// right to pause, to checkpoint and to end the process. On the loop's thread only.
/// </remarks>
internal sealed partial class Sandbox
{
    private readonly ShimContext _context;
    private readonly List<ISandboxMember> _members = [];
    private OutOfMemoryKills? _outOfMemory;

    /// <summary>A sandbox whose process runs.</summary>
    /// <param name="context">What it works with.</param>
    /// <param name="id">containerd's id of its first container.</param>
    /// <param name="pid">Its process.</param>
    /// <param name="died">
    /// The end of its process: a <see cref="Task{ProcessExit}"/> if the process is a child of this shim.
    /// </param>
    /// <param name="control">How the process is controlled, for all its containers.</param>
    public Sandbox(ShimContext context, string id, int pid, Task died, ISandboxControl control)
    {
        _context = context;
        Id = id;
        Pid = pid;
        Died = died;
        Control = control;
        Limits = new PodLimits(this, context);
    }

    /// <summary>containerd's id of its first container.</summary>
    public string Id { get; }

    /// <summary>Its process.</summary>
    public int Pid { get; }

    /// <summary>Completes when its process has ended.</summary>
    public Task Died { get; }

    /// <summary>How its process ends; null if it is another shim's child, which alone learns that.</summary>
    public Task<ProcessExit>? Exit => Died as Task<ProcessExit>;

    /// <summary>How its process is controlled.</summary>
    public ISandboxControl Control { get; }

    /// <summary>Its cgroup on the node; null if it has none of its own.</summary>
    public Cgroup? Cgroup { get; private init; }

    /// <summary>What it uses according to that.</summary>
    public SandboxUsage Usage { get; private init; } = new(null, TimeProvider.System);

    /// <summary>The limits of its pod.</summary>
    public PodLimits Limits { get; }

    /// <summary>What was decided about the pod's volumes; null if the sandbox is another shim's.</summary>
    public VolumeDecisions? Volumes { get; init; }

    /// <summary>The pod's Kubernetes namespace; null if it is not known.</summary>
    public string? PodNamespace { get; init; }

    /// <summary>How it is restored from an image; null if it started without one.</summary>
    public SandboxRestore? Restore { get; private set; }

    /// <summary>Its containers in this shim, in the order of their creation.</summary>
    public IReadOnlyList<ISandboxMember> Members => _members;

    /// <summary>The sandbox that runsc has just created, or that a container of this shim has just joined.</summary>
    /// <param name="context">What it works with.</param>
    /// <param name="id">containerd's id of its first container.</param>
    /// <param name="pid">Its process.</param>
    /// <param name="died">The end of its process.</param>
    /// <param name="runsc">runsc, for what the control socket cannot do.</param>
    /// <param name="runscId">runsc's id of a container in it.</param>
    /// <param name="log">The file for runsc's log.</param>
    /// <param name="volumes">What was decided about the pod's volumes; null if the sandbox is another shim's.</param>
    /// <param name="podNamespace">The pod's Kubernetes namespace; null if it is not known.</param>
    public static Sandbox Open(ShimContext context, string id, int pid, Task died, RunscRunner runsc, string runscId,
        string log, VolumeDecisions? volumes = null, string? podNamespace = null)
    {
        Cgroup? cgroup = OwnCgroup(context, pid);
        var usage = new SandboxUsage(cgroup, context.Time);
        var control = new SandboxControl(
            SandboxSocket.Find(runsc.Settings.Root, runscId, context.Time), new RunscControl(runsc, log),
            () => usage.ReadCpu()?.Total, died,
            reason => context.Log.SandboxSocketGivenUp(id, reason),
            reason => context.Log.LatePauseNotUndone(id, reason), context.Time);
        return new Sandbox(context, id, pid, died, control)
        {
            Cgroup = cgroup,
            Usage = usage,
            Volumes = volumes,
            PodNamespace = podNamespace,
        };
    }

    /// <summary>A container was created in it.</summary>
    public void Add(ISandboxMember container) => _members.Add(container);

    /// <summary>A container was deleted.</summary>
    public void Remove(ISandboxMember container) => _members.Remove(container);

    /// <summary>Makes its containers start from an image, which it takes over.</summary>
    /// <param name="image">The image.</param>
    /// <param name="settings">How runsc reads it.</param>
    /// <param name="timeout">How long it waits for the next container before it gives up.</param>
    public SandboxRestore RestoreFrom(CheckpointImage image, RestoreSettings settings, TimeSpan timeout) =>
        Restore = new SandboxRestore(this, image, settings, timeout, _context.Time, _context.Log);

    /// <summary>Starts watching for out-of-memory kills, until it has ended.</summary>
    public void WatchOutOfMemory()
    {
        _outOfMemory = new OutOfMemoryKills(this, _context);
        _outOfMemory.Start();
    }

    /// <summary>
    /// Whether a lack of memory explains that a container has just been killed; it does not explain another's end, too.
    /// </summary>
    public bool ExplainByOutOfMemory() => _outOfMemory?.Explain() ?? false;

    /// <summary>Refuses what cannot be done in a sandbox that has ended or is paused.</summary>
    /// <param name="what">What cannot be done, such as <c>start container web</c>.</param>
    /// <exception cref="RefusedException">It has ended or is paused.</exception>
    public void RequireRunning(string what)
    {
        if (Died.IsCompleted)
            throw new RefusedException(Refusal.WrongState, $"cannot {what}: sandbox {Id} has ended");
        if (IsPaused)
            throw new RefusedException(Refusal.WrongState, $"cannot {what}: sandbox {Id} is paused");
    }

    /// <summary>Refuses what cannot be done before all containers of the image are there.</summary>
    /// <param name="what">What cannot be done, such as <c>pause container web</c>.</param>
    /// <exception cref="RefusedException">It is being restored.</exception>
    public void RequireRestored(string what)
    {
        if (Restore is { IsPending: true } restore)
            throw new RefusedException(Refusal.WrongState, $"cannot {what}: sandbox {Id} {restore.Reason}");
    }

    /// <summary>
    /// A sandbox without a cgroup of its own is in the one in which the shim was started, containerd's perhaps.
    /// </summary>
    private static Cgroup? OwnCgroup(ShimContext context, int pid)
    {
        Cgroup sandbox = Cgroup.OfProcess(context.Cgroups, pid);
        return sandbox.SameAs(Cgroup.OfProcess(context.Cgroups, Environment.ProcessId)) ? null : sandbox;
    }
}
