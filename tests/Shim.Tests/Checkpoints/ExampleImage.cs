using System.Buffers.Binary;
using System.Text;
using Shim.Checkpoints;

namespace Shim.Tests.Checkpoints;

/// <summary>An image's files as runsc writes them, as far as the shim reads them.</summary>
internal static class ExampleImage
{
    /// <summary>The header of an image that runsc 20240729 wrote.</summary>
    public const string Header =
        """{"_timestamp":"2026-11-24 08:12:25.645436296 +0000 UTC","compression":"none","container_count":"3","""
        + "\"cpu_usage\":\"470.446919ms\",\"timestamp\":\"2026-11-24 08:12:25.64540288 +0000 UTC m=+1.641110350\"}";

    public static byte[] State(string header = Header)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        byte[] state = [.. "gVisorSF"u8, 0, 0, 0, 0, 0, 0, 0, 0, .. json, 0xd1, 0xc1, 0xad, 0x10];
        BinaryPrimitives.WriteUInt64BigEndian(state.AsSpan(8), (ulong)json.Length);
        return state;
    }

    public static string Write(string directory, string header = Header, CheckpointRecord? record = null)
    {
        Directory.CreateDirectory(directory);
        File.WriteAllBytes(Path.Combine(directory, "checkpoint.img"), State(header));
        File.WriteAllBytes(Path.Combine(directory, "pages.img"), new byte[4096]);
        if (record is not null)
            File.WriteAllBytes(Path.Combine(directory, "shim.json"), record.ToJson().ToArray());
        return directory;
    }
}
