using System.Text;

namespace Linux.Tests.Peer;

internal static class Streams
{
    public static async Task<string> ReadToEnd(Stream stream)
    {
        using MemoryStream all = new();
        await stream.CopyToAsync(all);
        return Encoding.UTF8.GetString(all.ToArray());
    }

    public static async Task<string> ReadLine(Stream stream)
    {
        List<byte> line = [];
        byte[] one = new byte[1];
        while (await stream.ReadAsync(one) == 1 && one[0] != '\n')
            line.Add(one[0]);
        return Encoding.UTF8.GetString([.. line]);
    }
}
