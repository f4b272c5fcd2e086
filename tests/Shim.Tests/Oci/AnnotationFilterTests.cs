using Shim.Oci;

namespace Shim.Tests.Oci;

/// <summary>Which annotations of a pod reach runsc.</summary>
public sealed class AnnotationFilterTests
{
    [Theory]
    [InlineData("dev.gvisor.spec.rootfs.source")]
    [InlineData("dev.gvisor.spec.rootfs.type")]
    [InlineData("dev.gvisor.spec.rootfs.overlay")]
    [InlineData("dev.gvisor.spec.cgroup-parent")]
    [InlineData("dev.gvisor.flag.host-uds")]
    [InlineData("dev.gvisor.flag.debug")]
    [InlineData("dev.gvisor.bundle.x")]
    [InlineData("dev.gvisor.internal.nvproxy")]
    [InlineData("dev.gvisor.internal.tpuproxy")]
    [InlineData("dev.gvisor.internal.cpufeatures.x")]
    [InlineData("dev.gvisor.tar.rootfs.upper")]
    [InlineData("dev.gvisor.")]
    [InlineData("dev.gvisor.of.a.later.release")]
    public void What_is_not_listed_is_removed(string annotation)
    {
        (IReadOnlyList<string> removed, SpecEdits edits) = Apply(annotation, []);
        Assert.Equal([annotation], removed);
        Assert.Equal([KeyValuePair.Create(annotation, (string?)null)], edits.Annotations);
        Assert.Equal(
            $"annotation {annotation} is removed: allowed_annotations in the shim's configuration does not list it",
            AnnotationFilter.WarningOf(annotation));
    }

    [Theory]
    [InlineData("dev.gvisor.spec.mount.data.share")]
    [InlineData("dev.gvisor.empty-dir.data.medium")]
    [InlineData("dev.gvisor.internal.restore.host-image-path")]
    [InlineData("dev.gvisor.internal.fsrestore.direct")]
    [InlineData("dev.gvisor.internal.checkpoint.path")]
    [InlineData("dev.gvisor.internal.fscheckpoint.path")]
    [InlineData("dev.gvisor.internal.seccomp.web")]
    [InlineData("dev.gvisor.internal.cpufeatures")]
    [InlineData("dev.gvisor.container-name-remap.1")]
    [InlineData("io.kubernetes.cri.sandbox-id")]
    [InlineData("dev.gvisorx")]
    public void What_is_listed_passes(string annotation) => AssertPasses(annotation, []);

    [Theory]
    [InlineData("dev.gvisor.flag.debug", "dev.gvisor.flag.debug")]
    [InlineData("dev.gvisor.flag.debug", "dev.gvisor.flag.*")]
    [InlineData("dev.gvisor.flag.debug", "*")]
    public void What_the_configuration_lists_passes(string annotation, string allowed) =>
        AssertPasses(annotation, ["dev.gvisor.other", allowed]);

    [Theory]
    [InlineData("dev.gvisor.flag.debug-log", "dev.gvisor.flag.debug")]
    [InlineData("dev.gvisor.flag.debug", "dev.gvisor.*.debug")]
    [InlineData("dev.gvisor.flag.debug", "")]
    public void Only_a_final_star_stands_for_more(string annotation, string allowed) =>
        Assert.Equal([annotation], Apply(annotation, [allowed]).Removed);

    private static void AssertPasses(string annotation, IReadOnlyList<string> allowed)
    {
        (IReadOnlyList<string> removed, SpecEdits edits) = Apply(annotation, allowed);
        Assert.Empty(removed);
        Assert.True(edits.IsEmpty);
    }

    private static (IReadOnlyList<string> Removed, SpecEdits Edits) Apply(
        string annotation, IReadOnlyList<string> allowed)
    {
        var annotations = new Dictionary<string, string> { [annotation] = "x" };
        var edits = new SpecEdits(annotations, []);
        return (AnnotationFilter.Apply(annotations, allowed, edits), edits);
    }
}
