namespace Linux.Tests;

public sealed class BlockUsageTests
{
    [Fact]
    public void V2_lists_a_line_for_each_disk() => Assert.Equal(
        [new BlockUsage(254, 16, 4096, 8192, 1, 2), new BlockUsage(8, 0, 0, 0, 0, 0)],
        BlockUsage.ParseV2("254:16 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n8:0 \nnonsense\n7\n"));

    [Fact]
    public void V1_lists_a_line_for_each_disk_and_operation() => Assert.Equal(
        [new BlockUsage(254, 0, 4096, 8192, 1, 2), new BlockUsage(8, 16, 0, 5, 0, 0)],
        BlockUsage.ParseV1(
            "254:0 Read 4096\n254:0 Write 8192\n254:0 Sync 1\n254:0 Total 12288\n8:16 Write 5\nTotal 12293\n",
            "254:0 Read 1\n254:0 Write 2\nx:y Read 3\n254:0 Read many\n"));

    [Fact]
    public void Missing_files_list_nothing()
    {
        Assert.Empty(BlockUsage.ParseV2(null));
        Assert.Empty(BlockUsage.ParseV1(null, null));
    }
}
