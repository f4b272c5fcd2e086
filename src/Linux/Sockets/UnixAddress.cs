using System.Text;

namespace Linux;

/// <summary>
/// The address of a unix socket. sun_path holds 107 bytes and its NUL; a longer path is reached through its
/// directory: <c>/proc/self/fd/&lt;O_PATH descriptor&gt;/&lt;name&gt;</c>, which is short however deep the directory.
/// </summary>
internal static class UnixAddress
{
    private const int MaxPathBytes = Libc.sockaddr_un.PathBytes - 1;

    /// <summary>Fills in the address for a path.</summary>
    /// <returns>The directory to keep open until the address has been used, or null.</returns>
    /// <exception cref="LinuxException">The directory cannot be opened, or the name alone is too long.</exception>
    internal static unsafe Descriptor? Fill(string path, Libc.sockaddr_un* address)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (path.Contains('\0'))
            throw new ArgumentException("a socket path must not contain NUL", nameof(path));
        Descriptor? directory = null;
        string shortPath = path;
        if (Encoding.UTF8.GetByteCount(path) > MaxPathBytes)
        {
            int slash = path.LastIndexOf('/');
            string parent = slash switch { < 0 => ".", 0 => "/", _ => path[..slash] };
            directory = Descriptor.Open(parent, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY);
            shortPath = $"{directory.ProcPath}/{path[(slash + 1)..]}";
            if (Encoding.UTF8.GetByteCount(shortPath) > MaxPathBytes)
            {
                directory.Dispose();
                throw new LinuxException(Errno.ENAMETOOLONG, "unix socket", path);
            }
        }
        *address = new Libc.sockaddr_un { sun_family = Libc.AF_UNIX };
        Encoding.UTF8.GetBytes(shortPath, new Span<byte>(address->sun_path, MaxPathBytes));
        return directory;
    }

    internal static Descriptor NewSocket() => new(LinuxException.ThrowIfFailed(
        Libc.socket(Libc.AF_UNIX, Libc.SOCK_STREAM | Libc.SOCK_CLOEXEC | Libc.SOCK_NONBLOCK, 0), "socket"));
}
