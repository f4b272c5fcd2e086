using System.Runtime.InteropServices;

namespace Linux;

/// <summary>linux/loop.h; LOOP_CONFIGURE is known since Linux 5.8.</summary>
internal static unsafe partial class Libc
{
    internal const int LOOP_CONFIGURE = 0x4C0A;
    internal const int LOOP_CTL_GET_FREE = 0x4C82;
    internal const uint LO_FLAGS_READ_ONLY = 1;
    internal const uint LO_FLAGS_AUTOCLEAR = 4;
    internal const int LO_NAME_SIZE = 64;

    /// <summary>struct loop_config, with the fields of the loop_info64 in it that are used.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 304)]
    internal struct loop_config
    {
        [FieldOffset(0)] internal uint fd;
        [FieldOffset(60)] internal uint lo_flags;
        [FieldOffset(64)] internal fixed byte lo_file_name[LO_NAME_SIZE];
    }
}
