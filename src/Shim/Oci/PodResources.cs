using System.Globalization;
using Linux;

namespace Shim.Oci;

/// <summary>The limits of a pod, and how they follow from those of its containers.</summary>
internal static class PodResources
{
    private const string Prefix = "io.kubernetes.cri.sandbox-";
    private const long DefaultPeriod = 100_000;

    private const long RoomToShrink = 4 << 20;

    // The kernel accepts no lower quota, and no other shares (kernel/sched).
    private const long LowestQuota = 1_000;
    private const ulong LowestShares = 2, DefaultShares = 1_024, HighestShares = 262_144;

    /// <summary>Reads the limits that the CRI was given for a pod. containerd writes 0 for one that is not set.
    /// </summary>
    /// <param name="annotations">The annotations of the pod's sandbox.</param>
    /// <exception cref="RefusedException">One is not a number.</exception>
    public static ResourceLimits Parse(IReadOnlyDictionary<string, string> annotations)
    {
        // CRI-O does not write these and passes on a pod's own, which would choose its weight.
        if (annotations.ContainsKey(ContainerSpec.CrioSandbox))
            return new ResourceLimits();
        return new ResourceLimits
        {
            CpuPeriod = (ulong?)Number("cpu-period"),
            CpuQuota = Number("cpu-quota"),
            CpuShares = (ulong?)Number("cpu-shares"),
            Memory = Number("memory"),
        };

        long? Number(string name)
        {
            if (annotations.GetValueOrDefault(Prefix + name) is not { } text)
                return null;
            if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number))
                throw new RefusedException(Refusal.InvalidArgument,
                    $"annotation {Prefix}{name} is not a number: \"{text.Short()}\"");
            return number > 0 ? number : null;
        }
    }

    /// <summary>
    /// What a sandbox may use: no more than its pod, and no more than its containers together. If one of these may use
    /// any amount, so may all.
    /// </summary>
    /// <param name="pod">The pod's limits.</param>
    /// <param name="containers">Those of its containers.</param>
    /// <returns>Memory and processor time, negative where there is no limit; shares if anything gives some.</returns>
    public static ResourceLimits Together(ResourceLimits pod, IReadOnlyCollection<ResourceLimits> containers)
    {
        long period = PeriodOf(pod, containers);
        long quota = Lower(QuotaIn(period, pod), Sum(containers, limits => QuotaIn(period, limits)));
        return new ResourceLimits
        {
            CpuPeriod = (ulong)period,
            CpuQuota = quota < 0 ? quota : Math.Max(quota, LowestQuota),
            CpuShares = pod.CpuShares is { } given and > 0 ? Shares(given)
                : containers.Count > 0 ? Shares(SumOfShares(containers)) : null,
            Memory = Lower(pod.Memory, Sum(containers, static limits => limits.Memory)),
        };
    }

    /// <summary>
    /// The memory limit of a pod that uses more than it may: what it uses and a little room, but never more than
    /// before, or it could grow with every attempt to lower it.
    /// </summary>
    /// <param name="inUse">What it uses, in bytes.</param>
    /// <param name="before">Its limit so far; negative: it had none.</param>
    public static long LowerTo(long inUse, long before) =>
        before < 0 ? inUse + RoomToShrink : Math.Min(before, inUse + RoomToShrink);

    /// <summary>The limits that a pod has none of.</summary>
    public static ResourceLimits Others(ResourceLimits limits) =>
        limits with { CpuPeriod = null, CpuQuota = null, CpuShares = null, Memory = null };

    /// <summary>The same without what neither is nor was limited: the kernel may have no file for it.</summary>
    public static ResourceLimits WithoutNeedless(ResourceLimits limits, ResourceLimits before) => limits with
    {
        Memory = limits.Memory < 0 && before.Memory < 0 ? null : limits.Memory,
        CpuQuota = limits.CpuQuota < 0 && before.CpuQuota < 0 ? null : limits.CpuQuota,
        CpuPeriod = limits.CpuQuota < 0 && before.CpuQuota < 0 ? null : limits.CpuPeriod,
    };

    /// <summary>The limits of a pod one of whose containers gets others: they change by as much.</summary>
    public static ResourceLimits Follow(ResourceLimits pod, ResourceLimits before, ResourceLimits after)
    {
        long period = PeriodOf(pod, []);
        return pod with
        {
            Memory = Follow(pod.Memory, before.Memory, after.Memory),
            CpuQuota = Follow(pod.CpuQuota, QuotaIn(period, before), QuotaIn(period, after)),
            CpuShares = (ulong?)Follow((long?)pod.CpuShares, (long?)before.CpuShares, (long?)after.CpuShares),
        };
    }

    private static long? Follow(long? pod, long? before, long? after) =>
        pod is { } limit and > 0 && before is { } old and > 0 && after is { } now and > 0
            ? (long)Int128.Clamp((Int128)limit + now - old, 1, long.MaxValue) : pod;

    private static long PeriodOf(ResourceLimits pod, IReadOnlyCollection<ResourceLimits> containers)
    {
        if (pod.CpuPeriod is { } given and > 0)
            return (long)given;
        ulong? common = null;
        foreach (ResourceLimits limits in containers)
            if (limits.CpuPeriod is { } period and > 0 && (common ??= period) != period)
                return DefaultPeriod;
        return (long?)common ?? DefaultPeriod;
    }

    private static long? QuotaIn(long period, ResourceLimits limits)
    {
        if (limits.CpuQuota is not { } quota || quota <= 0)
            return limits.CpuQuota;
        Int128 own = limits.CpuPeriod is { } given and > 0 ? given : DefaultPeriod;
        return (long)Int128.Min(quota * (Int128)period / own, long.MaxValue);
    }

    /// <returns>-1 if there is none, or if one has no limit.</returns>
    private static long Sum(IReadOnlyCollection<ResourceLimits> containers, Func<ResourceLimits, long?> limitOf)
    {
        Int128 sum = 0;
        foreach (ResourceLimits limits in containers)
            if (limitOf(limits) is { } limit and > 0)
                sum += limit;
            else
                return -1;
        return sum == 0 ? -1 : (long)Int128.Min(sum, long.MaxValue);
    }

    private static UInt128 SumOfShares(IReadOnlyCollection<ResourceLimits> containers)
    {
        UInt128 sum = 0;
        foreach (ResourceLimits limits in containers)
            sum += limits.CpuShares is { } shares and > 0 ? shares : DefaultShares;
        return sum;
    }

    private static ulong Shares(UInt128 shares) => (ulong)UInt128.Clamp(shares, LowestShares, HighestShares);

    private static long Lower(long? one, long other) => one is not { } limit || limit <= 0 ? other
        : other < 0 ? limit : Math.Min(limit, other);
}
