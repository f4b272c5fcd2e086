using Shim.Runsc;

namespace Shim.Tests.Runsc;

public sealed class RunscArgumentsTests
{
    [Fact]
    public void Global_flags()
    {
        var settings = new RunscSettings
        {
            Binary = "runsc",
            Root = "/run/containerd/runsc/k8s.io",
            Flags = new SortedDictionary<string, string>
            {
                ["platform"] = "systrap", ["debug"] = "true", ["log-packets"] = "",
            },
        };
        Assert.Equal(
            [
                "--root=/run/containerd/runsc/k8s.io", "--log=/b/log.json", "--log-format=json",
                "--debug=true", "--log-packets=", "--platform=systrap",
            ],
            RunscArguments.Global(settings, "/b/log.json"));
        Assert.Equal(
            [
                "--root=/run/containerd/runsc/k8s.io", "--log=/b/log.json", "--log-format=json",
                "--panic-log=/var/log/pods/p/gvisor_panic.log", "--debug=true", "--log-packets=", "--platform=systrap",
            ],
            RunscArguments.Global(settings with { PanicLog = "/var/log/pods/p/gvisor_panic.log" }, "/b/log.json"));
    }

    [Fact]
    public void Create()
    {
        Assert.Equal(
            ["create", "--bundle", "/b", "--pid-file", "/b/init.pid", "web+"],
            RunscArguments.Create("web+", "/b", "/b/init.pid", null, null));
        Assert.Equal(
            [
                "create", "--bundle", "/b", "--pid-file", "/b/init.pid", "--console-socket", "/run/tty/s",
                "--user-log", "/var/log/pods/p/gvisor.log", "web+",
            ],
            RunscArguments.Create("web+", "/b", "/b/init.pid", "/run/tty/s", "/var/log/pods/p/gvisor.log"));
    }

    [Fact]
    public void Exec()
    {
        Assert.Equal(
            [
                "exec", "--process", "/b/e.json", "--pid-file", "/b/e.pid", "--internal-pid-file", "/b/e.in", "web+",
            ],
            RunscArguments.Exec("web+", "/b/e.json", "/b/e.pid", "/b/e.in", null));
        Assert.Equal(
            [
                "exec", "--process", "/b/e.json", "--pid-file", "/b/e.pid", "--internal-pid-file", "/b/e.in",
                "--detach", "--console-socket", "/run/tty/s", "web+",
            ],
            RunscArguments.Exec("web+", "/b/e.json", "/b/e.pid", "/b/e.in", "/run/tty/s"));
    }

    [Theory]
    [InlineData(15, 0, false, "kill web+ 15")]
    [InlineData(9, 0, true, "kill --all web+ 9")]
    [InlineData(9, 7, false, "kill --pid 7 web+ 9")]
    [InlineData(9, 7, true, "kill --all web+ 9")]
    public void Kill(int signal, int pid, bool all, string expected)
    {
        Assert.Equal(expected.Split(' '), RunscArguments.Kill("web+", signal, pid, all));
    }

    [Fact]
    public void Checkpoint()
    {
        Assert.Equal(
            ["checkpoint", "--image-path=/i", "web+"],
            RunscArguments.Checkpoint("web+", "/i", leaveRunning: false));
        Assert.Equal(
            ["checkpoint", "--image-path=/i", "--leave-running", "web+"],
            RunscArguments.Checkpoint("web+", "/i", leaveRunning: true));
    }

    [Fact]
    public void Restore() =>
        Assert.Equal(["restore", "--image-path=/i", "--detach", "web+"], RunscArguments.Restore("web+", "/i"));

    [Fact]
    public void Commands_of_an_id_alone()
    {
        Assert.Equal(["start", "web+"], RunscArguments.Start("web+"));
        Assert.Equal(["delete", "--force", "web+"], RunscArguments.DeleteForce("web+"));
        Assert.Equal(["wait", "web+"], RunscArguments.Wait("web+"));
        Assert.Equal(["ps", "--format", "json", "web+"], RunscArguments.Pids("web+"));
        Assert.Equal(["events", "--stats", "web+"], RunscArguments.Stats("web+"));
        Assert.Equal(["state", "web+"], RunscArguments.State("web+"));
        Assert.Equal(["pause", "web+"], RunscArguments.Pause("web+"));
        Assert.Equal(["resume", "web+"], RunscArguments.Resume("web+"));
    }
}
