using System.Runtime.InteropServices;

namespace Linux;

/// <summary>Flags of open(2), spelled as in C. O_CLOEXEC is missing because every descriptor has it. The numbers are
/// those of x86-64; <see cref="Descriptor"/> translates the few that differ on arm64.</summary>
[Flags]
#pragma warning disable CA1711 // open(2) calls them flags.
public enum OpenFlags
#pragma warning restore CA1711
{
    /// <summary>Read only.</summary>
    O_RDONLY = 0,
    /// <summary>Write only.</summary>
    O_WRONLY = 0x1,
    /// <summary>Read and write. For a FIFO this opens both ends on Linux, and never blocks.</summary>
    O_RDWR = 0x2,
    /// <summary>Create the file if missing.</summary>
    O_CREAT = 0x40,
    /// <summary>With O_CREAT: fail if it exists, a link included.</summary>
    O_EXCL = 0x80,
    /// <summary>Do not make a terminal the controlling terminal.</summary>
    O_NOCTTY = 0x100,
    /// <summary>Append every write.</summary>
    O_APPEND = 0x400,
    /// <summary>Make reads and writes that would wait fail with EAGAIN.</summary>
    O_NONBLOCK = 0x800,
    /// <summary>Fail if it is not a directory.</summary>
    O_DIRECTORY = 0x10000,
    /// <summary>Fail with ELOOP if the last component is a link.</summary>
    O_NOFOLLOW = 0x20000,
    /// <summary>Open only a handle for the path; nothing can be read.</summary>
    O_PATH = 0x200000,
}

internal static class OpenFlagsNumbers
{
    private const int O_CLOEXEC = 0x80000;
    private const int ArmDirectory = 0x4000;
    private const int ArmNoFollow = 0x8000;

    /// <summary>The kernel's number for this architecture, with O_CLOEXEC.</summary>
    internal static int ToNative(this OpenFlags flags)
    {
        int native = (int)flags | O_CLOEXEC;
        if (RuntimeInformation.ProcessArchitecture != Architecture.Arm64)
            return native;
        native &= ~(int)(OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW);
        if ((flags & OpenFlags.O_DIRECTORY) != 0)
            native |= ArmDirectory;
        if ((flags & OpenFlags.O_NOFOLLOW) != 0)
            native |= ArmNoFollow;
        return native;
    }
}
