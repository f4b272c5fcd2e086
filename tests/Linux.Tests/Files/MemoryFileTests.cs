using System.Text;

namespace Linux.Tests;

public sealed class MemoryFileTests
{
    [Fact]
    public void Memory_file_is_read_from_its_beginning()
    {
        using Descriptor file = MemoryFile.Create("test");
        byte[] content = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 5000)));
        Assert.Equal(content.Length, file.TryWrite(content, out _));
        Assert.Equal(content, MemoryFile.Read(file, 1 << 20));
        Assert.Equal(content[..100], MemoryFile.Read(file, 100));
    }
}
