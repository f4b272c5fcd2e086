using Shim.Runsc;

namespace Shim.Oci;

/// <summary>
/// The edits that every specification needs before runsc reads it: the sandbox's id in runsc (<see cref="RunscId"/>),
/// a propagation that runsc accepts, and the pod's cgroup for a pod's sandbox.
/// </summary>
internal static class EditForRunsc
{
    /// <summary>Adds these edits.</summary>
    public static void Apply(ContainerSpec spec, SpecEdits edits)
    {
        if (spec.SandboxId is { } id)
            foreach (string annotation in (ReadOnlySpan<string>)[ContainerSpec.CriSandbox, ContainerSpec.CrioSandbox])
                if (spec.Annotations.ContainsKey(annotation))
                    edits.Set(annotation, RunscId.For(id));
        // The CRI sets it for a container with a Bidirectional mount, and the mounts themselves have been looked at.
        if (spec.RootPropagation is "shared" or "rshared")
            edits.RootPropagation = "rslave";
        if (!spec.IsSandbox)
            return;
        if (CgroupParent.Of(spec.CgroupsPath) is { } parent)
            edits.Set(CgroupParent.Annotation, parent);
        // A pod must not choose its cgroup, and so its limits.
        else if (spec.IsOfPod)
            edits.Remove(CgroupParent.Annotation);
    }
}
