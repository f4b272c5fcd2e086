using System.Reflection;
using Testing;
using Xunit.Sdk;
using Xunit.v3;

namespace EndToEnd;

/// <summary>Runs a theory on each version of containerd.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ContainerdVersionsAttribute : DataAttribute
{
    /// <summary>
    /// On the newest alone: containerd does the same in all versions, and what is tested is between shim and runsc.
    /// </summary>
    public bool NewestOnly { get; init; }

    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod,
        DisposalTracker disposalTracker)
    {
        List<ITheoryDataRow> rows = [];
        foreach (string version in NewestOnly ? [Tools.NewestContainerd] : Tools.ContainerdVersions)
            rows.Add(new TheoryDataRow(version));
        return new(rows);
    }

    public override bool SupportsDiscoveryEnumeration() => true;
}
