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
    private const ulong RoomToStart = 16 << 20;

    private readonly Dictionary<string, ResourceLimits> _containers = new(StringComparer.Ordinal);
    private readonly OrderedOperations _changes = new();
    private ResourceLimits _pod = new();
    private ResourceLimits? _inForce;
    private ulong _leastMemory;
    private bool _wasSaid;

    /// <summary>The cgroup that it limits; null if it is not its own, or a kubelet limits it.</summary>
    private Cgroup? _group;

    /// <summary>Limits the sandbox, unless a kubelet does.</summary>
    /// <param name="spec">The specification of its first container.</param>
    /// <param name="pod">The pod's limits.</param>
    public Task HoldAsync(ContainerSpec spec, ResourceLimits pod) => _changes.RunAsync(async () =>
    {
        if (!spec.IsOfPod || sandbox.Cgroup is not { } group || CgroupParent.IsInPodsCgroup(group)
            || RunscCgroup.Find(context.Cgroups, spec.CgroupsPath) is not { } own || !own.SameAs(group))
            return;
        (_group, _pod) = (group, pod);
        _leastMemory = CgroupReader.MemoryInUse(group) + RoomToStart;
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
    /// <exception cref="IOException">
    /// The kernel refused a limit, or more memory is in use, or it took longer than a minute. Nothing changes.
    /// </exception>
    public Task ChangeAsync(string id, ResourceLimits change) => _changes.RunAsync(async () =>
    {
        if (!_containers.TryGetValue(id, out ResourceLimits? before))
            return;
        ResourceLimits podBefore = _pod;
        ResourceLimits after = Changed(before, change);
        _containers[id] = after;
        _pod = PodResources.Follow(_pod, before, after);
        try
        {
            await ApplyAsync(mayBeInUse: false);
        }
        catch
        {
            (_containers[id], _pod) = (before, podBefore);
            throw;
        }
    });

    /// <summary>The sandbox's first container, which stands for the pod, gets other limits.</summary>
    /// <exception cref="IOException">
    /// The kernel refused a limit, or more memory is in use, or it took longer than a minute.
    /// </exception>
    public Task ChangePodAsync(ResourceLimits change) => _changes.RunAsync(async () =>
    {
        _pod = Changed(_pod, change);
        await ApplyAsync(mayBeInUse: false);
    });

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
    /// Whether more memory than the limit may be in use, which then is the limit: nobody asked for the sandbox's end.
    /// Else such a limit is refused.
    /// </param>
    private async Task ApplyAsync(bool mayBeInUse)
    {
        if (_group is not { } group || sandbox.Died.IsCompleted)
            return;
        ResourceLimits limits = PodResources.Together(_pod, _containers.Values);
        if (limits == (_inForce ?? Nothing(limits)))
            return;
        // The kernel first frees what it can of the memory that is more than a new limit.
        await context.Blocking.RunAsync("limit", sandbox.Id, () =>
            CgroupLimits.Apply(group, limits with { Memory = Possible(group, limits.Memory, mayBeInUse) }));
        _inForce = limits;
    }

    /// <summary>A small container is given less than its sandbox itself needs.</summary>
    private long? Possible(Cgroup group, long? limit, bool mayBeInUse) => limit is { } bytes and >= 0
        ? Math.Max(bytes, (long)Math.Max(_leastMemory, mayBeInUse ? CgroupReader.MemoryInUse(group) : 0)) : limit;

    private bool HasLimits()
    {
        foreach (ResourceLimits limits in _containers.Values)
            if (limits.Memory > 0 || limits.CpuQuota > 0)
                return true;
        return false;
    }

    /// <summary>What a new cgroup is limited to.</summary>
    private static ResourceLimits Nothing(ResourceLimits like) =>
        new() { CpuPeriod = like.CpuPeriod, CpuQuota = -1, Memory = -1, Unified = like.Unified };

    private static ResourceLimits Changed(ResourceLimits limits, ResourceLimits change) => limits with
    {
        CpuPeriod = change.CpuPeriod ?? limits.CpuPeriod,
        CpuQuota = change.CpuQuota ?? limits.CpuQuota,
        CpuShares = change.CpuShares ?? limits.CpuShares,
        Memory = change.Memory ?? limits.Memory,
    };
}
