using Shim.Bundles;
using Shim.Explain;

namespace Shim.Tests.Explain;

public sealed class ExplainTableTests : IDisposable
{
    private readonly ExplainNode _node = new();

    public void Dispose() => _node.Dispose();

    [Fact]
    public void A_table_has_all_parts()
    {
        string cache = _node.AddVolume("cache"), plain = _node.AddVolume("plain"), scratch = _node.AddVolume("scratch");
        File.WriteAllText(Path.Combine(_node.AddVolume("used"), "so\u001b[2Jcket"), "");
        Dictionary<string, string> annotations = new(ExplainNode.OnDisk("cache"))
        {
            ["dev.gvisor.spec.mount.scratch.type"] = "tmpfs",
            ["dev.gvisor.spec.mount.scratch.share"] = "container",
            ["dev.gvisor.spec.mount.scratch.options"] = "size=1g,mode=0700,uid=0,gid=0",
            ["dev.gvisor.spec.mount.used.share"] = "pod",
            ["dev.gvisor.empty-dir.plain.force-shared"] = "yes\n",
        };
        Bundle sandbox = _node.AddSandbox(
            annotations, ("/cache", cache), ("/plain", plain), ("/scratch", $"{scratch}/"),
            ("/dev/shm", "/run/pod/shm"));
        int width = scratch.Length;
        string medium = "the pod's annotations say medium=disk", type = "its type=tmpfs means memory";

        Assert.Equal(
            $"""
            Pod {ExplainNode.Uid}, as it would be decided if its sandbox were created now:

            VOLUME   OUTCOME           RULE                 WHY
            cache    pod-disk          shared-by-pod        the pod's hint says share=pod; {medium}
            plain    passthrough       not-asked            no annotation and no configuration asks for more
            scratch  container-memory  shared-by-container  the pod's hint says share=container; {type}
            used     passthrough       used-by-others       it holds "so\u001b[2Jcket"

            Warning: annotation dev.gvisor.empty-dir.plain.force-shared="yes\n" is ignored: it must be true or false

            IN SANDBOX  {"PATH".PadRight(width)}  OPTIONS
            cache       {cache.PadRight(width)}  mode=0777,uid=5,gid=6,rw
            scratch     {scratch.PadRight(width)}  size=1g,mode=0700,uid=0,gid=0,rw

            MOUNT     TYPE   {"SOURCE".PadRight(width)}  CHANGE
            /cache    bind   {cache.PadRight(width)}  none
            /plain    bind   {plain.PadRight(width)}  none
            /scratch  tmpfs  {scratch.PadRight(width)}  was bind, was from {scratch}/
            /dev/shm  tmpfs  {"/run/pod/shm".PadRight(width)}  was bind

            """, ExplainTable.Of(_node.Explain(sandbox)));
    }

    [Fact]
    public void Kept_decisions_have_another_heading()
    {
        _node.AddVolume("cache");
        Bundle sandbox = _node.AddSandbox(ExplainNode.OnDisk("cache"));
        _node.Keep(sandbox);
        Assert.StartsWith($"Pod {ExplainNode.Uid}, as decided when its sandbox was created:\n\nVOLUME  OUTCOME ",
            ExplainTable.Of(_node.Explain(sandbox)));
    }

    [Fact]
    public void A_failure_is_the_last_line()
    {
        string cache = _node.AddVolume("cache");
        string table = ExplainTable.Of(
            _node.Explain(_node.AddSandbox(ExplainNode.OnDisk("cache"), ("/x", $"{cache}/s"))));
        Assert.StartsWith("Pod ", table);
        Assert.StartsWith("The sandbox cannot be created: mount /x is a subPath", table.Split('\n')[^2]);
    }

    [Fact]
    public void A_failure_before_any_decision_is_the_only_line()
    {
        Dictionary<string, string> annotations = new() { ["dev.gvisor.spec.mount.v.type"] = "\u001b]0;\u0007" };
        Assert.Equal("The sandbox cannot be created: annotation "
            + "dev.gvisor.spec.mount.v.type=\"\\u001b]0;\\u0007\" must be tmpfs or bind\n",
            ExplainTable.Of(_node.Explain(annotations)));
    }

    [Fact]
    public void A_container_outside_of_pods_has_no_decisions()
    {
        Assert.Equal("No decisions about volumes: no annotation gives the uid of a pod.\n",
            ExplainTable.Of(_node.Explain(_node.AddBundle("web", []))));
    }

    [Fact]
    public void A_pod_without_emptyDirs_has_no_decisions()
    {
        Assert.Equal(
            $"No decisions about volumes: {_node.VolumesDirectory} does not exist on this node (kubelet_root in the "
            + "shim's configuration must be kubelet's directory).\n",
            ExplainTable.Of(_node.Explain(new Dictionary<string, string>())));
        _node.AddVolume("data", "kubernetes.io~csi");
        Assert.Equal($"No decisions about volumes: {_node.VolumesDirectory} holds no emptyDir.\n",
            ExplainTable.Of(_node.Explain(new Dictionary<string, string>())));
    }

    [Fact]
    public void A_container_without_decisions_of_its_sandbox_has_none()
    {
        _node.Keep(_node.AddSandbox([]));
        Assert.Equal(
            "No decisions about volumes when the sandbox was created: they are the node's directories.\n",
            ExplainTable.Of(_node.Explain(_node.AddContainer())));
    }

    [Fact]
    public void Shared_memory_is_shown_without_decisions()
    {
        _node.Keep(_node.AddSandbox([]));
        Assert.Equal(
            """
            MOUNT     TYPE   SOURCE        CHANGE
            /dev/shm  tmpfs  /run/pod/shm  was bind

            No decisions about volumes when the sandbox was created: they are the node's directories.

            """, ExplainTable.Of(_node.Explain(_node.AddContainer(("/dev/shm", "/run/pod/shm")))));
    }
}
