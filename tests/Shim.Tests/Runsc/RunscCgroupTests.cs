using Linux;
using Shim.Runsc;

namespace Shim.Tests.Runsc;

public sealed class RunscCgroupTests
{
    [Theory]
    [InlineData("system.slice:cri-containerd:abc", "/system.slice/cri-containerd-abc.scope")]
    [InlineData("kubepods-burstable-pod1_2.slice:cri-containerd:abc",
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-abc.scope")]
    [InlineData("a.slice::abc", "/a.slice/abc.scope")]
    [InlineData("a.slice:x:b.slice", "/a.slice/b.slice")]
    [InlineData("/kubepods/pod1/abc", null)]
    [InlineData("a.slice:x:", null)]
    [InlineData("a:b:c", null)]
    [InlineData("a.slice:b:c:d", null)]
    public void A_unit_of_systemd(string cgroupsPath, string? expected) =>
        Assert.Equal(expected, RunscCgroup.UnitOf(cgroupsPath));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("/no-such-group-shim-tests")]
    [InlineData("no-such-group-shim-tests")]
    [InlineData("no-such.slice:shim:tests")]
    public void A_container_without_a_cgroup(string? cgroupsPath) =>
        Assert.Null(RunscCgroup.Find(CgroupHierarchies.Read(), cgroupsPath));

    [Fact]
    public void A_path_with_two_dots_is_refused() => Assert.Equal(Errno.EINVAL,
        Assert.Throws<LinuxException>(() => RunscCgroup.Find(CgroupHierarchies.Read(), "a/../../b")).Errno);
}
