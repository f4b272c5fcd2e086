using System.Diagnostics;
using Shim.Commands;

namespace Shim.Tests.Commands;

/// <summary>A process with the command line of a shim, as its child has for a moment, too.</summary>
public sealed class ShimDaemonTests
{
    [Theory]
    [InlineData("k8s.io", "pod", "/run/c.sock", true)]
    [InlineData("k8s.io", "po", "/run/c.sock", false)]
    [InlineData("moby", "pod", "/run/c.sock", false)]
    [InlineData("k8s.io", "pod", "/run/other.sock", false)]
    public async Task A_shim_is_found_by_its_command_line(string name, string id, string address, bool isIt)
    {
        string[] arguments = [.. ShimDaemon.Arguments("k8s.io", "pod", "/run/c.sock")];
        using Process process = Command.Start("/bin/sh", ["-c", "echo; read line", "shim", .. arguments]);
        try
        {
            await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
            Assert.Equal(isIt, ShimDaemon.Is(process.Id, name, id, address));
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
    }
}
