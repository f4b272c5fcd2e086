using System.Text;

namespace Linux;

/// <summary>Makes a file a block device, as the mount option <c>loop</c> asks for (loop(4)).</summary>
internal static unsafe class LoopDevice
{
    private const string Control = "/dev/loop-control";
    private const int Tries = 100;

    /// <summary>Attaches a file to a free device.</summary>
    /// <param name="file">The file.</param>
    /// <param name="readOnly">Whether nothing may be written to it.</param>
    /// <returns>
    /// The open device and its path. The kernel detaches the file when nobody has the device open and it is not
    /// mounted.
    /// </returns>
    /// <exception cref="LinuxException">ENOENT: no such file, or the kernel has no loop devices.</exception>
    internal static (Descriptor Device, string Path) Attach(string file, bool readOnly)
    {
        OpenFlags access = readOnly ? OpenFlags.O_RDONLY : OpenFlags.O_RDWR;
        using Descriptor backing = Descriptor.Open(file, access);
        using Descriptor control = Descriptor.Open(Control, OpenFlags.O_RDWR);
        for (int i = 1; ; i++)
        {
            int number = Libc.ioctl(control, Libc.LOOP_CTL_GET_FREE, 0);
            if (number < 0)
                LinuxException.ThrowLast("LOOP_CTL_GET_FREE", Control);
            string path = $"/dev/loop{number}";
            if (TryAttach(path, access, backing, file, readOnly) is { } device)
                return (device, path);
            if (i == Tries)
                throw new LinuxException(Errno.EBUSY, "LOOP_CONFIGURE", path,
                    $"others took {Tries} free devices first");
            // Those who look for one at the same time find the same one.
            Thread.Sleep(Random.Shared.Next(1 + i));
        }
    }

    /// <returns>Null if another process was faster.</returns>
    private static Descriptor? TryAttach(
        string path, OpenFlags access, Descriptor backing, string file, bool readOnly)
    {
        Descriptor device = Descriptor.Open(path, access);
        var configuration = new Libc.loop_config
        {
            fd = (uint)backing.Fd,
            lo_flags = Libc.LO_FLAGS_AUTOCLEAR | (readOnly ? Libc.LO_FLAGS_READ_ONLY : 0),
        };
        // For those who list the devices; a longer name is cut.
        ReadOnlySpan<byte> name = Encoding.UTF8.GetBytes(file);
        name[..Math.Min(name.Length, Libc.LO_NAME_SIZE - 1)]
            .CopyTo(new Span<byte>(configuration.lo_file_name, Libc.LO_NAME_SIZE));
        if (Libc.ioctl(device, Libc.LOOP_CONFIGURE, (nint)(&configuration)) >= 0)
            return device;
        Errno errno = LinuxException.LastErrno;
        device.Dispose();
        if (errno == Errno.EBUSY)
            return null;
        string what = $"{path} for {file}";
        throw errno is Errno.EINVAL or Errno.ENOTTY
            ? new LinuxException(errno, "LOOP_CONFIGURE", what, "the file is empty, or Linux is older than 5.8")
            : new LinuxException(errno, "LOOP_CONFIGURE", what);
    }
}
