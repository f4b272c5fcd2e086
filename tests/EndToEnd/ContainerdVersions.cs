using System.Reflection;
using Testing;
using Xunit.Sdk;
using Xunit.v3;

namespace EndToEnd;

/// <summary>Runs a theory on each version of containerd.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ContainerdVersionsAttribute : DataAttribute
{
    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod,
        DisposalTracker disposalTracker)
    {
        List<ITheoryDataRow> rows = [];
        foreach (string version in Tools.ContainerdVersions)
            rows.Add(new TheoryDataRow(version));
        return new(rows);
    }

    public override bool SupportsDiscoveryEnumeration() => true;
}
