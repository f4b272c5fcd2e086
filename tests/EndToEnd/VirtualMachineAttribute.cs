using Xunit.v3;

namespace EndToEnd;

/// <summary>
/// Runs a test in the virtual machine of `./build.sh vm` as well: it depends on the version of cgroups, or on
/// capabilities that a container or a test machine may lack.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class VirtualMachineAttribute : Attribute, ITraitAttribute
{
    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [new("node", "vm")];
}
