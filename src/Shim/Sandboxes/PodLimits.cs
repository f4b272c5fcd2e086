using Linux;
using Shim.Oci;
using Shim.Runsc;

namespace Shim.Sandboxes;

/// <summary>
/// Holds a pod's sandbox to the pod's limits where no kubelet has made a cgroup for the pod, which does the same.
/// </summary>
/// <remarks>
/// All processes of a pod are in the sandbox's cgroup, so the limits of a single container hold only there. They are
/// added up, and the sum changes as containers come, change and end. On the loop's thread only.
/// </remarks>
internal sealed class PodLimits(Sandbox sandbox, ShimContext context)
{
    /// <summary>What a sandbox needs to start a container, beside what it uses without any, in bytes.</summary>
    private const long RoomToStart = 16 << 20;

    private static readonly TimeSpan s_firstRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestRetry = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, ResourceLimits> _containers = new(StringComparer.Ordinal);
    private readonly OrderedOperations _changes = new();
    private ResourceLimits _pod = new();
    private ResourceLimits _inForce = new() { CpuQuota = -1, Memory = -1 };
    private long _leastMemory;

    /// <summary>The memory limit of the cgroup in bytes; negative: it has none.</summary>
    private long _memory = -1;

    private bool _wasSaid;

    /// <summary>Whether the cgroup may have other limits than <see cref="_inForce"/>.</summary>
    private bool _mayDiffer;

    /// <summary>Whether the memory limit is to be lowered as soon as less is in use.</summary>
    private bool _isToBeLowered;

    private bool _isLowering;

    /// <summary>The cgroup that it limits; null if it is not its own, or a kubelet limits it.</summary>
    private Cgroup? _group;

    /// <summary>Whether it limits the sandbox.</summary>
    public bool AreHeld => _group is not null;

    /// <summary>Limits the sandbox, unless a kubelet does.</summary>
    /// <param name="spec">The specification of its first container.</param>
    /// <exception cref="RefusedException">An annotation that gives a limit of the pod is not a number.</exception>
    public Task HoldAsync(ContainerSpec spec) => _changes.RunAsync(async () =>
    {
        if (!spec.IsOfPod || sandbox.Cgroup is not { } group || CgroupParent.IsInPodsCgroup(group)
            || RunscCgroup.Find(context.Cgroups, spec.CgroupsPath) is not { } own || !own.SameAs(group))
            return;
        _pod = PodResources.Parse(spec.Annotations);
        _group = group;
        _leastMemory = (long)CgroupReader.MemoryInUse(group) + RoomToStart;
        await TryApplyAsync();
    });

    /// <summary>A container comes. A limit that the kernel refuses is logged.</summary>
    public Task AddAsync(string id, ResourceLimits limits) => _changes.RunAsync(async () =>
    {
        _containers[id] = limits;
        if (!_wasSaid && _containers.Count > 1 && HasLimits())
        {
            _wasSaid = true;
            context.Log.LimitsShared(sandbox.Id);
        }
        await TryApplyAsync();
    });

    /// <summary>A container has ended, or is not created. A limit that the kernel refuses is logged.</summary>
    public Task RemoveAsync(string id) => _changes.RunAsync(async () =>
    {
        if (_containers.Remove(id))
            await TryApplyAsync();
    });

    /// <summary>A container's limits change. The pod's change with them, by as much.</summary>
    /// <param name="id">The container.</param>
    /// <param name="change">The limits that change.</param>
    /// <param name="commit">Done when the pod's have changed; if it fails, they are changed back.</param>
    /// <exception cref="IOException">
    /// The kernel refused a limit, or more memory is in use, or it took longer than a minute. Nothing changes.
    /// </exception>
    public Task ChangeAsync(string id, ResourceLimits change, Func<Task> commit) => _changes.RunAsync(async () =>
    {
        ResourceLimits podBefore = _pod;
        if (_containers.TryGetValue(id, out ResourceLimits? before))
        {
            _containers[id] = Changed(before, change);
            _pod = PodResources.Follow(_pod, before, _containers[id]);
        }
        await ApplyAndCommitAsync(commit, undo: () =>
        {
            _pod = podBefore;
            if (before is not null)
                _containers[id] = before;
        });
    });

    /// <summary>The sandbox's first container, which stands for the pod, gets other limits.</summary>
    /// <inheritdoc cref="ChangeAsync"/>
    public Task ChangePodAsync(ResourceLimits change, Func<Task> commit) => _changes.RunAsync(async () =>
    {
        ResourceLimits before = _pod;
        _pod = Changed(_pod, change);
        await ApplyAndCommitAsync(commit, undo: () => _pod = before);
    });

    private async Task ApplyAndCommitAsync(Func<Task> commit, Action undo)
    {
        try
        {
            await ApplyAsync(mayBeInUse: false);
            await commit();
        }
        catch
        {
            undo();
            await TryApplyAsync();
            throw;
        }
    }

    private async Task TryApplyAsync()
    {
        try
        {
            await ApplyAsync(mayBeInUse: true);
        }
        // The kernel lets no group have more than its parent, whose limit then holds.
        catch (IOException e)
        {
            if (!sandbox.Died.IsCompleted)
                context.Log.LimitsNotSet(sandbox.Id, e);
        }
    }

    /// <param name="mayBeInUse">
    /// Whether more memory than the limit may be in use, which is then lowered later: nobody asked for the sandbox's
    /// end. Else such a limit is refused.
    /// </param>
    private async Task ApplyAsync(bool mayBeInUse)
    {
        if (_group is not { } group || sandbox.Died.IsCompleted)
            return;
        ResourceLimits limits = PodResources.Together(_pod, _containers.Values);
        if (limits == _inForce && !_mayDiffer && !_isToBeLowered)
            return;
        ResourceLimits change = _mayDiffer ? limits : PodResources.WithoutNeedless(limits, _inForce);
        _mayDiffer = true;
        // The kernel first frees what it can of the memory that is more than a new limit.
        _isToBeLowered = await context.Blocking.RunAsync("limit", sandbox.Id, () => Write(group, change, mayBeInUse));
        _mayDiffer = false;
        _inForce = limits;
        if (_isToBeLowered && !_isLowering)
            LoopTask.Watch(LowerAsync);
    }

    /// <returns>Whether more memory than the limit is in use, and the limit is above that.</returns>
    private bool Write(Cgroup group, ResourceLimits limits, bool mayBeInUse)
    {
        if (limits.Memory is not (>= 0 and { } wanted))
        {
            CgroupLimits.Apply(group, limits);
            if (limits.Memory is not null)
                _memory = -1;
            return false;
        }
        // A small container is given less than its sandbox itself needs.
        long least = Math.Max(wanted, _leastMemory), inUse = (long)CgroupReader.MemoryInUse(group);
        bool isInUse = mayBeInUse && inUse > least;
        long possible = isInUse ? PodResources.LowerTo(inUse, _memory) : least;
        CgroupLimits.Apply(group, limits with { Memory = possible });
        _memory = possible;
        return isInUse;
    }

    /// <summary>gVisor frees the memory of a container that has ended some time later.</summary>
    private async Task LowerAsync()
    {
        _isLowering = true;
        for (TimeSpan pause = s_firstRetry; _isToBeLowered && !sandbox.Died.IsCompleted;
            pause = Backoff.Next(pause, s_longestRetry))
        {
            await LoopTask.AnyWithinAsync(pause, context.Time, sandbox.Died);
            await _changes.RunAsync(TryApplyAsync);
        }
        _isLowering = false;
    }

    private bool HasLimits()
    {
        foreach (ResourceLimits limits in _containers.Values)
            if (limits.Memory > 0 || limits.CpuQuota > 0)
                return true;
        return false;
    }

    private static ResourceLimits Changed(ResourceLimits limits, ResourceLimits change) => limits with
    {
        CpuPeriod = change.CpuPeriod ?? limits.CpuPeriod,
        CpuQuota = change.CpuQuota ?? limits.CpuQuota,
        CpuShares = change.CpuShares ?? limits.CpuShares,
        Memory = change.Memory ?? limits.Memory,
    };
}
