using System.Text;
using Linux;

namespace Shim.Tests.Support;

/// <summary>Both sides of a process's standard streams, as tests use them.</summary>
internal static class Streams
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(10);

    /// <summary>Opens the reading end of a FIFO, as containerd does.</summary>
    public static DescriptorStream Read(EventLoop loop, string path) => new(loop, NativeCalls.OpenFifoToRead(path));

    /// <summary>Opens the writing end of a FIFO, as containerd does.</summary>
    public static DescriptorStream Write(EventLoop loop, string path) => new(loop, Fifo.OpenWrite(path));

    /// <summary>What a process inherits: an end of its own.</summary>
    public static DescriptorStream Inherit(EventLoop loop, Descriptor? descriptor) =>
        new(loop, descriptor!.Duplicate());

    /// <summary>Reads once; empty at the end.</summary>
    public static async Task<string> ReadTextAsync(this Stream stream)
    {
        byte[] buffer = new byte[4096];
        return Encoding.UTF8.GetString(buffer, 0, await stream.ReadAsync(buffer));
    }

    /// <summary>Reads until what was read is <paramref name="text"/>.</summary>
    public static async Task ExpectAsync(this Stream stream, string text)
    {
        string read = "";
        while (read.Length < text.Length && await stream.ReadTextAsync() is { Length: > 0 } more)
            read += more;
        Assert.Equal(text, read);
    }

    /// <summary>Reads to the end.</summary>
    public static async Task<string> ReadToEndAsync(this DescriptorStream stream, EventLoop loop)
    {
        using MemoryStream all = new();
        await stream.CopyToAsync(all).WaitAsync(s_bound, loop.Time);
        return Encoding.UTF8.GetString(all.ToArray());
    }

    public static ValueTask WriteTextAsync(this Stream stream, string text) =>
        stream.WriteAsync(Encoding.UTF8.GetBytes(text));
}
