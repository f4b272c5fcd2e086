using Shim.Bundles;
using Shim.Explain;
using Shim.Volumes;

namespace Shim.Tests.Explain;

public sealed class ExplainReportTests : IDisposable
{
    private readonly ExplainNode _node = new();

    public void Dispose() => _node.Dispose();

    [Fact]
    public void A_sandbox_that_is_not_created_yet_has_new_decisions()
    {
        string cache = _node.AddVolume("cache"), plain = _node.AddVolume("plain");
        Bundle sandbox = _node.AddSandbox(
            ExplainNode.OnDisk("cache"), ("/cache", cache), ("/plain", plain), ("/etc/hosts", "/h"));

        ExplainReport report = _node.Explain(sandbox);

        Assert.False(report.IsKept);
        Assert.Null(report.Failure);
        Assert.Equal(["cache pod-disk", "plain passthrough"], Outcomes(report));
        // The pages of a volume on disk are in a file in the bind mount's source, so the mount stays.
        Assert.Equal(["/cache", "/plain"], Destinations(report));
        Assert.All(report.Mounts, static mount => Assert.True(mount.IsUnchanged));
    }

    [Fact]
    public void Mounts_of_a_volume_in_memory_and_of_shared_memory_become_tmpfs()
    {
        string cache = _node.AddVolume("cache");
        Dictionary<string, string> annotations = new() { ["dev.gvisor.empty-dir.cache.medium"] = "memory" };
        ExplainReport report = _node.Explain(
            _node.AddSandbox(annotations, ("/cache", cache + "/"), ("/dev/shm", "/run/pod/shm")));

        Assert.Equal(["cache pod-memory"], Outcomes(report));
        Assert.Equal(["/cache", "/dev/shm"], Destinations(report));
        Assert.Equal("tmpfs", report.Mounts[0].After!.Type);
        Assert.Equal(cache, report.Mounts[0].After!.Source);
        Assert.Equal(cache + "/", report.Mounts[0].Before.Source);
        Assert.Equal("tmpfs", report.Mounts[1].After!.Type);
    }

    [Fact]
    public void A_running_sandbox_keeps_the_decisions_of_its_creation()
    {
        string cache = _node.AddVolume("cache");
        Bundle sandbox = _node.AddSandbox(ExplainNode.OnDisk("cache"));
        _node.Keep(sandbox);
        File.WriteAllText(Path.Combine(cache, "late"), "");

        ExplainReport report = _node.Explain(sandbox);

        Assert.True(report.IsKept);
        Assert.Equal(["cache pod-disk"], Outcomes(report));
        File.Delete(sandbox.Volumes);
        Assert.Contains("it holds \"late\"", _node.Explain(sandbox).Failure);
    }

    [Fact]
    public void A_container_has_the_decisions_of_its_sandbox()
    {
        string cache = _node.AddVolume("cache");
        _node.Keep(_node.AddSandbox(new() { ["dev.gvisor.empty-dir.cache.medium"] = "memory" }));

        ExplainReport report = _node.Explain(_node.AddContainer(("/data", cache)));

        Assert.True(report.IsKept);
        Assert.Equal(["cache pod-memory"], Outcomes(report));
        Assert.Equal("tmpfs", Assert.Single(report.Mounts).After!.Type);
    }

    [Fact]
    public void A_directory_under_another_path_is_recognised_as_the_volume()
    {
        string cache = _node.AddVolume("cache");
        string link = Path.Combine(_node.VolumesDirectory, "link");
        File.CreateSymbolicLink(link, cache);

        ExplainReport report = _node.Explain(_node.AddSandbox(ExplainNode.OnDisk("cache"), ("/cache", link)));

        ExplainMount mount = Assert.Single(report.Mounts);
        Assert.Equal((link, cache), (mount.Before.Source, mount.After!.Source));
    }

    [Fact]
    public void A_second_mount_of_shared_memory_is_removed()
    {
        Bundle bundle = _node.AddSandbox([], ("/dev/shm", "/run/pod/shm"));
        File.WriteAllText(bundle.Specification, File.ReadAllText(bundle.Specification).Replace(
            "\"mounts\":[", "\"mounts\":[" + """{"destination":"/dev/shm","type":"tmpfs","source":"shm"},""",
            StringComparison.Ordinal));

        ExplainReport report = _node.Explain(bundle);

        Assert.Equal(["/dev/shm", "/dev/shm"], Destinations(report));
        Assert.Null(report.Mounts[0].After);
        Assert.Equal("tmpfs", report.Mounts[1].After!.Type);
    }

    [Fact]
    public void A_failure_of_the_sandbox_s_creation_is_reported()
    {
        ExplainReport report = _node.Explain(
            new Dictionary<string, string> { ["dev.gvisor.spec.mount.gone.share"] = "pod" });
        Assert.StartsWith(
            $"The sandbox cannot be created: volume gone of pod {ExplainNode.Uid} cannot be kept in the sandbox: ",
            report.Failure);
    }

    [Fact]
    public void A_pod_whose_uid_is_not_of_Kubernetes_has_no_volumes()
    {
        ExplainReport report =
            _node.Explain(_node.AddBundle("odd", new() { ["io.kubernetes.cri.sandbox-uid"] = "../../etc" }));
        Assert.Null(report.Failure);
        Assert.StartsWith("the pod has no volumes: annotation io.kubernetes.cri.sandbox-uid",
            Assert.Single(report.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_failure_of_a_container_s_creation_is_reported()
    {
        string cache = _node.AddVolume("cache");
        Bundle sandbox = _node.AddSandbox(ExplainNode.OnDisk("cache"));
        _node.Keep(sandbox);
        Bundle container = _node.AddContainer(("/sub", $"{cache}/sub"));

        ExplainReport report = _node.Explain(container);
        Assert.StartsWith("The container cannot be created: mount /sub is a subPath of volume cache", report.Failure);
        Assert.Equal(["cache pod-disk"], Outcomes(report));

        File.WriteAllText(sandbox.Volumes, "{");
        Assert.StartsWith("The container cannot be created: decisions about volumes cannot be read from ",
            _node.Explain(container).Failure);
        Assert.StartsWith("No container can join the sandbox: decisions about volumes cannot be read from ",
            _node.Explain(sandbox).Failure);
    }

    [Theory]
    [InlineData(null, "config.json does not name the sandbox that the container joins")]
    [InlineData("gone", "sandbox gone, which the container joins, has no bundle: ")]
    [InlineData("../bundles", "sandbox id \"../bundles\" is not valid")]
    public void A_container_without_its_sandbox_is_rejected(string? sandbox, string message)
    {
        Dictionary<string, string> annotations = new() { ["io.kubernetes.cri.container-type"] = "container" };
        if (sandbox is not null)
            annotations["io.kubernetes.cri.sandbox-id"] = sandbox;
        Bundle bundle = _node.AddBundle("web", annotations);
        Assert.Contains(message, Assert.Throws<RefusedException>(() => _node.Explain(bundle)).Message);
    }

    [Fact]
    public void The_configuration_decides_if_the_pod_requests_nothing()
    {
        using ExplainNode node = new();
        node.AddVolume("cache");
        ExplainReport report = ExplainReport.OfPod(
            new Dictionary<string, string>(), ExplainNode.Uid, node.Configuration with { EmptyDirsOfPod = true });
        Assert.Equal(VolumeRule.Configured, Assert.Single(report.Decisions.Volumes).Rule);
    }

    [Fact]
    public void Nothing_on_disk_changes()
    {
        string cache = _node.AddVolume("cache"), data = _node.AddVolume("data", "kubernetes.io~csi");
        File.WriteAllText(Path.Combine(cache, ".gvisor.filestore.gone"), "of a sandbox that no longer exists");
        Dictionary<string, string> annotations = new(ExplainNode.OnDisk("cache"))
        {
            ["dev.gvisor.empty-dir.cache.medium"] = "memory",
            ["dev.gvisor.spec.mount.data.share"] = "shared",
        };
        Bundle sandbox = _node.AddSandbox(
            annotations, ("/cache", cache), ("/data", data), ("/dev/shm", "/run/pod/shm"));
        Bundle container = _node.AddContainer(("/cache", cache), ("/dev/shm", "/run/pod/shm"));
        List<string> before = _node.Snapshot();

        _node.Explain(annotations);
        _node.Explain(container);
        ExplainReport report = _node.Explain(sandbox);
        Assert.Equal(before, _node.Snapshot());

        // A create would have changed something.
        Assert.Equal(2, report.Mounts.Count(static mount => !mount.IsUnchanged));
        _node.Keep(sandbox);
        before = _node.Snapshot();
        _node.Explain(sandbox);
        _node.Explain(container);
        Assert.Equal(before, _node.Snapshot());
    }

    private static IEnumerable<string> Outcomes(ExplainReport report) =>
        report.Decisions.Volumes.Select(static volume => $"{volume.Volume} {volume.Outcome}");

    private static IEnumerable<string> Destinations(ExplainReport report) =>
        report.Mounts.Select(static mount => mount.Before.Destination);
}
