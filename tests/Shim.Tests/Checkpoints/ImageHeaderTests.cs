using System.Text;
using Shim.Checkpoints;

namespace Shim.Tests.Checkpoints;

/// <summary>What the shim reads from the JSON object before a sandbox's state.</summary>
public sealed class ImageHeaderTests
{
    [Theory]
    [InlineData("{}", null, null)]
    [InlineData("""{"container_count":"3","runsc_version":"release-1"}""", 3, "release-1")]
    [InlineData("""{"specs":{"a":[1,{"container_count":"9"}]},"container_count":"2"}""", 2, null)]
    [InlineData("""{"container_count":3,"runsc_version":["x"]}""", null, null)]
    [InlineData("""{"container_count":"-3","runsc_version":null}""", null, null)]
    public void An_object_is_read(string json, int? count, string? version) =>
        Assert.Equal(new ImageHeader(count, version), ImageHeader.Parse(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{")]
    [InlineData("""{"container_count":"3" """)]
    [InlineData("""{"container_count":"3"} {}""")]
    [InlineData("""{"specs":[}""")]
    public void Anything_else_is_not_a_header(string json) =>
        Assert.Null(ImageHeader.Parse(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void A_long_header_takes_no_memory_for_what_is_not_read()
    {
        byte[] json = Encoding.UTF8.GetBytes($$"""{"specs":[0{{new StringBuilder().Insert(
            0, ",0", 1_000_000)}}],"container_count":"3"}""");
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(3, ImageHeader.Parse(json)!.Value.ContainerCount);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
    }
}
