namespace Linux.Tests;

public sealed class NodeMemoryTests
{
    [Theory]
    [InlineData("MemTotal:       24625316 kB\nMemFree:  1 kB\n", 24625316ul * 1024)]
    [InlineData("MemFree:  1 kB\nMemTotal: 1 kB\n", 1024ul)]
    [InlineData("", ulong.MaxValue)]
    [InlineData("MemTotal: much kB\n", ulong.MaxValue)]
    public void The_total_is_read(string text, ulong expected) => Assert.Equal(expected, NodeMemory.Parse(text));

    [Fact]
    public void This_node_has_memory() => Assert.InRange(NodeMemory.Total, 1ul << 20, 1ul << 60);
}
