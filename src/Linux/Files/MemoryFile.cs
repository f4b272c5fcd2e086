namespace Linux;

/// <summary>
/// Anonymous files in memory (memfd_create(2)): a place for a child's output that never fills up, never blocks and
/// needs no reader while the child runs.
/// </summary>
public static class MemoryFile
{
    private const int FirstRead = 4096;

    /// <summary>Creates an empty file.</summary>
    /// <param name="name">What <c>/proc/PID/fd</c> shows; need not be unique.</param>
    /// <exception cref="LinuxException">No descriptors are left.</exception>
    public static Descriptor Create(string name) =>
        new(LinuxException.ThrowIfFailed(Libc.memfd_create(name, Libc.MFD_CLOEXEC), "memfd_create", name));

    /// <summary>The file's content from its beginning, independent of the writer's position.</summary>
    /// <param name="file">The file.</param>
    /// <param name="limit">The maximum number of bytes returned; the rest is ignored.</param>
    /// <exception cref="LinuxException">It cannot be read.</exception>
    public static unsafe byte[] Read(Descriptor file, int limit)
    {
        ArgumentNullException.ThrowIfNull(file);
        byte[] content = new byte[Math.Min(FirstRead, limit)];
        int length = 0;
        while (true)
        {
            nint count;
            fixed (byte* start = content)
                count = Libc.pread(file, start + length, (nuint)(content.Length - length), length);
            if (count < 0)
                LinuxException.ThrowLast("pread", file.ToString());
            length += (int)count;
            if (count == 0 || length == limit)
                return content[..length];
            if (length == content.Length)
                Array.Resize(ref content, (int)Math.Min(limit, content.Length * 4L));
        }
    }
}
