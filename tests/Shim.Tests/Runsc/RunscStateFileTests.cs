using Linux;
using Shim.Runsc;

namespace Shim.Tests.Runsc;

public sealed class RunscStateFileTests
{
    [Fact]
    public void Find_finds_exactly_this_container()
    {
        using TempDirectory root = new();
        string web2 = root.Write("web2+_sandbox:web2+.state", "{}");
        Assert.Null(RunscStateFile.Find(root.Path, "web+"));
        Assert.Null(RunscStateFile.Find(root.Path, "web"));
        Assert.Null(RunscStateFile.Find(root.Path, "web2"));
        Assert.Null(RunscStateFile.Find(root.Path, "2+"));
        Assert.Equal(web2, RunscStateFile.Find(root.Path, "web2+"));

        string web = root.Write("web+_sandbox:pod.1+.state", "{}");
        Assert.Equal(web, RunscStateFile.Find(root.Path, "web+"));
        Assert.Equal(web2, RunscStateFile.Find(root.Path, "web2+"));
    }

    [Theory]
    [InlineData("web+_sandbox:web+.lock")]
    [InlineData("web+_sandbox:web+.state.tmp")]
    [InlineData("web+_sandboxes:web+.state")]
    [InlineData("xweb+_sandbox:web+.state")]
    [InlineData("WEB+_sandbox:web+.state")]
    [InlineData("web+.state")]
    public void Other_files_are_not_records(string name)
    {
        using TempDirectory root = new();
        root.Write(name, "");
        Assert.Null(RunscStateFile.Find(root.Path, "web+"));
    }

    [Fact]
    public void Ids_may_contain_dots_dashes_and_underscores()
    {
        using TempDirectory root = new();
        string path = root.Write("a.b-c_d+_sandbox:a.b-c_d+.state", "");
        Assert.Equal(path, RunscStateFile.Find(root.Path, "a.b-c_d+"));
        Assert.Null(RunscStateFile.Find(root.Path, "a+"));
        Assert.Null(RunscStateFile.Find(root.Path, "a.b+"));
    }

    [Fact]
    public void A_missing_root_has_no_records() => Assert.Null(RunscStateFile.Find("/no/such/root", "web+"));

    [Theory]
    [InlineData("", true)]
    [InlineData("{\"id\":\"web+\",", true)]
    [InlineData("{\"id\":\"web+\"}", false)]
    public void A_record_may_be_torn(string json, bool isTorn)
    {
        using TempDirectory root = new();
        Assert.Null(RunscStateFile.FindTorn(root.Path, "web+"));
        string path = root.Write("web+_sandbox:web+.state", json);
        Assert.Equal(isTorn ? path : null, RunscStateFile.FindTorn(root.Path, "web+"));
    }

    [Fact]
    public void A_socket_that_nobody_listens_on_is_removed()
    {
        using TempDirectory root = new();
        string socket = root["runsc-pod+.sock"];
        using (UnixListener listener = UnixListener.Bind(socket))
            RunscStateFile.RemoveRemains(root.Path, "pod+");
        Assert.True(File.Exists(socket));
        root.Write("pod+_sandbox:pod+.state", "");
        RunscStateFile.RemoveRemains(root.Path, "pod+");
        Assert.True(File.Exists(socket));
        File.Delete(root["pod+_sandbox:pod+.state"]);
        RunscStateFile.RemoveRemains(root.Path, "pod+");
        Assert.False(File.Exists(socket));
    }

    [Fact]
    public void Locks_of_deleted_containers_are_removed()
    {
        using TempDirectory directory = new();
        foreach (string name in (string[])["web_sandbox:pod.lock", "web_sandbox:pod.state", "app_sandbox:pod.lock",
            "pod_sandbox:pod.lock", "web2_sandbox:pod2.lock"])
            directory.Write(name, "");
        RunscStateFile.RemoveRemains(directory.Path, "web");
        Assert.True(File.Exists(directory["web_sandbox:pod.lock"]));
        RunscStateFile.RemoveRemains(directory.Path, "pod");
        Assert.Equal(["web2_sandbox:pod2.lock", "web_sandbox:pod.lock", "web_sandbox:pod.state"],
            Directory.GetFiles(directory.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        // In a sandbox that exists a container may just be being created: its lock comes before its record.
        directory.Write("pod_sandbox:pod.state", "");
        directory.Write("new_sandbox:pod.lock", "");
        RunscStateFile.RemoveRemains(directory.Path, "pod");
        Assert.True(File.Exists(directory["new_sandbox:pod.lock"]));
        RunscStateFile.RemoveRemains("/no/such/root", "pod");
    }
}
