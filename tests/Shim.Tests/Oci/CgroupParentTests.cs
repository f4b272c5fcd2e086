using System.Text.Json.Nodes;
using Linux;
using Shim.Bundles;
using Shim.Oci;

namespace Shim.Tests.Oci;

public sealed class CgroupParentTests
{
    private const string Annotation = "dev.gvisor.spec.cgroup-parent";
    private const string Sandbox = "io.kubernetes.cri.container-type=sandbox";

    [Theory]
    [InlineData("/kubepods/besteffort/pod7d0f/abc", "/kubepods/besteffort/pod7d0f")]
    [InlineData("/kubepods/pod7d0f/abc/def", "/kubepods/pod7d0f")]
    [InlineData("kubepods/pod7d0f/abc", "kubepods/pod7d0f")]
    [InlineData("pod7d0f/abc", "pod7d0f")]
    [InlineData("/pod/abc", "/pod")]
    // The last such part, because kubelet itself may run in a pod.
    [InlineData("/kubepods/podone/abc/kubepods/podtwo/def", "/kubepods/podone/abc/kubepods/podtwo")]
    [InlineData("/kubepods//pod7d0f//abc//", "/kubepods//pod7d0f")]
    // It is the last part of the path.
    [InlineData("/kubepods/pod7d0f", null)]
    [InlineData("/kubepods/pod7d0f/", null)]
    [InlineData("/kubepods/podone/podtwo", null)]
    [InlineData("pod7d0f", null)]
    // No part begins with "pod".
    [InlineData("/kubepods/besteffort/abc", null)]
    [InlineData("/kubepods/mypod/abc", null)]
    [InlineData("/kubepods/Pod7d0f/abc", null)]
    [InlineData("/default/abc", null)]
    [InlineData("/", null)]
    [InlineData("//", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    // In systemd's names no part begins with "pod".
    [InlineData("kubepods-besteffort-pod7d0f.slice:cri-containerd:abc", null)]
    [InlineData("kubepods.slice/kubepods-pod7d0f.slice/cri-containerd-abc.scope", null)]
    public void The_parent_is_the_path_up_to_the_pod(string? path, string? parent) =>
        Assert.Equal(parent, CgroupParent.Of(path));

    [Theory]
    [InlineData("/kubepods/besteffort/pod7d0f", true)]
    [InlineData("/kubepods/pod7d0f/abc", true)]
    [InlineData("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7d0f.slice/cri-abc.scope", true)]
    [InlineData("/system.slice/kubepods-pod7d0f.slice:cri-containerd:abc", false)]
    [InlineData("/test/abc", false)]
    [InlineData("/machine.slice/cri-podman.scope", false)]
    [InlineData("/podman/abc", false)]
    [InlineData("/user-podman.slice/abc", false)]
    public void A_kubelets_cgroup_is_known_by_its_name(string path, bool expected) =>
        Assert.Equal(expected, CgroupParent.IsInPodsCgroup(Cgroup.AtPath(CgroupHierarchies.Read(), path)));

    [Theory]
    [InlineData("/kubepods/pod1/abc", Sandbox, "/kubepods/pod1")]
    [InlineData("/kubepods/pod1/abc", "io.kubernetes.cri-o.ContainerType=sandbox", "/kubepods/pod1")]
    [InlineData("/kubepods/pod1/abc", "", "/kubepods/pod1")]
    [InlineData("/kubepods/pod1/abc", $"{Sandbox} {Annotation}=/", "/kubepods/pod1")]
    // A pod must not choose its cgroup.
    [InlineData("/default/abc", $"{Sandbox} {Annotation}=/", null)]
    [InlineData("/kubepods/pod1", $"{Sandbox} {Annotation}=/kubepods/pod2", null)]
    [InlineData("system.slice:cri:abc", $"{Sandbox} {Annotation}=/", null)]
    [InlineData(null, $"{Sandbox} {Annotation}=/", null)]
    [InlineData("/default/abc", $"io.kubernetes.cri-o.ContainerType=sandbox {Annotation}=/", null)]
    // A container outside of pods may.
    [InlineData("/default/abc", $"{Annotation}=/mine", "/mine")]
    [InlineData("/default/abc", "", null)]
    // runsc reads only the sandbox's specification.
    [InlineData("/kubepods/pod1/abc", "io.kubernetes.cri.container-type=container", null)]
    public void The_annotation_for_runsc(string? path, string annotations, string? expected)
    {
        using TempDirectory directory = new();
        var bundle = new Bundle(directory.Path);
        var json = new JsonObject
        {
            ["annotations"] = new JsonObject(annotations.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(static word => KeyValuePair.Create(word.Split('=')[0], (JsonNode?)word.Split('=')[1]))),
            ["linux"] = new JsonObject { ["cgroupsPath"] = path },
        };
        directory.Write("config.json", json.ToJsonString());
        Assert.Equal(expected, Edited());
        Assert.Equal(expected, Edited());

        string? Edited()
        {
            ContainerSpec spec = ContainerSpec.Read(bundle.Specification);
            var edits = new SpecEdits(spec.Annotations, spec.Mounts);
            EditForRunsc.Apply(spec, edits);
            spec.Write(bundle.Specification, edits);
            return ContainerSpec.Read(bundle.Specification).Annotations.GetValueOrDefault(Annotation);
        }
    }
}
