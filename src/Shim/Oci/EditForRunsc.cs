using Shim.Runsc;

namespace Shim.Oci;

/// <summary>
/// What every specification needs before runsc reads it: the sandbox under the id that it has for runsc
/// (<see cref="RunscId"/>), and a pod's sandbox in the pod's cgroup.
/// </summary>
internal static class EditForRunsc
{
    /// <summary>Adds these changes.</summary>
    public static void Apply(ContainerSpec spec, SpecEdits edits)
    {
        if (spec.SandboxId is { } id)
            foreach (string annotation in (ReadOnlySpan<string>)[ContainerSpec.CriSandbox, ContainerSpec.CrioSandbox])
                if (spec.Annotations.ContainsKey(annotation))
                    edits.Set(annotation, RunscId.For(id));
        if (!spec.IsSandbox)
            return;
        if (CgroupParent.Of(spec.CgroupsPath) is { } parent)
            edits.Set(CgroupParent.Annotation, parent);
        // A pod does not choose its own cgroup, and with it its limits.
        else if (spec.IsOfPod)
            edits.Remove(CgroupParent.Annotation);
    }
}
