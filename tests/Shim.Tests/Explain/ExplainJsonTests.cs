using System.Text;
using System.Text.Json.Nodes;
using Shim.Bundles;
using Shim.Explain;
using Shim.Oci;
using Shim.Volumes;

namespace Shim.Tests.Explain;

public sealed class ExplainJsonTests : IDisposable
{
    private readonly ExplainNode _node = new();

    public void Dispose() => _node.Dispose();

    [Fact]
    public void A_report_has_all_fields()
    {
        string cache = _node.AddVolume("cache"), memory = _node.AddVolume("memory");
        Dictionary<string, string> annotations = new(ExplainNode.OnDisk("cache"))
        {
            ["dev.gvisor.empty-dir.memory.medium"] = "memory",
            ["dev.gvisor.empty-dir.gone.medium"] = "\u001b",
        };
        Bundle sandbox = _node.AddSandbox(annotations, ("/cache", cache), ("/memory", memory));
        ExplainReport report = _node.Explain(sandbox);

        JsonObject json = Parse(report);

        Assert.Equal(["kept", "decisions", "warnings", "mounts", "error"], json.Select(static field => field.Key));
        Assert.False(json["kept"]!.GetValue<bool>());
        Assert.Null(json["error"]);
        Assert.Equal(report.Warnings,
            json["warnings"]!.AsArray().Select(static warning => warning!.GetValue<string>()));
        Assert.Contains(report.Warnings, static warning => warning.Contains('\u001b'));
        VolumeDecisions decisions = VolumeDecisions.Parse(Encoding.UTF8.GetBytes(json["decisions"]!.ToJsonString()));
        Assert.Equal(report.Decisions.Volumes, decisions.Volumes);
        Assert.Equal(2, decisions.Volumes.Count);
        Assert.True(JsonNode.DeepEquals(json["mounts"], JsonNode.Parse(
            $$$"""
            [{"destination":"/cache","type":"bind","source":"{{{cache}}}","options":["rbind","rprivate","rw"],
              "removed":false},
             {"destination":"/memory","type":"tmpfs","source":"{{{memory}}}","options":["rw"],"removed":false,
              "before":{"destination":"/memory","type":"bind","source":"{{{memory}}}",
                        "options":["rbind","rprivate","rw"]}}]
            """)), json["mounts"]!.ToJsonString());
    }

    [Fact]
    public void A_failure_and_a_removed_mount()
    {
        JsonObject json = Parse(new ExplainReport
        {
            IsKept = true,
            Failure = "no",
            Mounts = [new ExplainMount(new SpecMount("/d", "tmpfs", "shm", []), null)],
        });
        Assert.True(json["kept"]!.GetValue<bool>());
        Assert.Equal("no", json["error"]!.GetValue<string>());
        Assert.Equal("""[{"destination":"/d","type":"tmpfs","source":"shm","options":[],"removed":true}]""",
            json["mounts"]!.ToJsonString());
        Assert.Empty(json["decisions"]!["volumes"]!.AsArray());
    }

    // The text is one line, without control characters that would reach a terminal.
    private static JsonObject Parse(ExplainReport report)
    {
        string text = Encoding.UTF8.GetString(ExplainJson.Of(report).Span);
        Assert.EndsWith("}\n", text);
        Assert.DoesNotContain(text[..^1], char.IsControl);
        return JsonNode.Parse(text)!.AsObject();
    }
}
