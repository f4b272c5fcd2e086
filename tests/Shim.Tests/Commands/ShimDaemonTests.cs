using Shim.Commands;

namespace Shim.Tests.Commands;

/// <summary>The shim of a pod, by command lines as /proc has them.</summary>
public sealed class ShimDaemonTests
{
    private static readonly ShimDaemon s_shim = new("k8s.io", "pod", "/run/c.sock");

    [Theory]
    [InlineData("/usr/bin/shim -namespace k8s.io -id pod -address /run/c.sock -publish-binary /bin/c -debug ", true)]
    [InlineData("/usr/bin/shim -namespace k8s.io -id pod -address /run/c.sock ", true)]
    [InlineData("/usr/bin/shim -namespace k8s.io -id pod -address /run/c.sock", true)]
    [InlineData("/usr/bin/shim -namespace k8s.io -id pod -address /run/c.sock.2 ", false)]
    [InlineData("/usr/bin/shim -namespace k8s.io -id pod2 -address /run/c.sock ", false)]
    [InlineData("/usr/bin/shim -namespace moby -id pod -address /run/c.sock ", false)]
    [InlineData("/usr/bin/shim -namespace k8s.io -address /run/c.sock -id pod -bundle /b delete ", false)]
    [InlineData("/usr/bin/shim -namespace k8s.io -id pod -address", false)]
    [InlineData("/usr/bin/shim -namespace k8s.io -id pod -address /run/c.sock -bundle /b delete ", false)]
    [InlineData("/usr/bin/shim -namespace k8s.io -id pod -address /run/c.sock start", false)]
    [InlineData("runsc create -namespace k8s.io -id pod -address /run/c.sock ", false)]
    [InlineData("", false)]
    public void It_is_known_by_its_command_line(string commandLine, bool isIt) =>
        Assert.Equal(isIt, s_shim.Is(commandLine.Replace(' ', '\0')));
}
