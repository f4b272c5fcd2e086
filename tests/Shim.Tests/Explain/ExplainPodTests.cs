using System.Text;
using System.Text.Json;
using Shim.Explain;

namespace Shim.Tests.Explain;

public sealed class ExplainPodTests
{
    private static ExplainPod Parse(string json) => ExplainPod.Parse(Encoding.UTF8.GetBytes(json));

    [Fact]
    public void An_object_of_annotations_has_no_uid()
    {
        ExplainPod pod = Parse("""{"a":"1","metadata":"text","uid":"x"}""");
        Assert.Null(pod.Uid);
        Assert.Equal(["a", "metadata", "uid"], pod.Annotations.Keys);
        Assert.Equal("1", pod.Annotations["a"]);
    }

    [Theory]
    [InlineData("""{"kind":"Pod","metadata":{"name":"web","uid":"u-1","annotations":{"a":"1"}},"spec":{}}""", "u-1", 1)]
    [InlineData("""{"metadata":{"uid":"u-1"}}""", "u-1", 0)]
    [InlineData("""{"metadata":{"uid":"u-1","annotations":null}}""", "u-1", 0)]
    [InlineData("""{"metadata":{"annotations":{"a":"1"}}}""", null, 1)]
    public void A_Pod_has_a_uid_and_annotations(string json, string? uid, int annotations)
    {
        ExplainPod pod = Parse(json);
        Assert.Equal(uid, pod.Uid);
        Assert.Equal(annotations, pod.Annotations.Count);
    }

    [Fact]
    public void A_mirror_Pod_has_the_uid_of_the_static_pod()
    {
        Assert.Equal("0cafe", Parse(
            """{"metadata":{"uid":"u-1","annotations":{"kubernetes.io/config.mirror":"0cafe"}}}""").Uid);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("{", "")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("""{"a":1}""", "annotation a is not a string")]
    [InlineData("""{"a":"\ud800"}""", "")]
    [InlineData("""{"metadata":{"annotations":[]}}""", "annotations is not an object")]
    [InlineData("""{"kind":"List","items":[],"metadata":{}}""", "a list, not one Pod")]
    public void Anything_else_is_rejected(string json, string message)
    {
        Assert.Contains(message, Assert.ThrowsAny<JsonException>(() => Parse(json)).Message);
    }
}
