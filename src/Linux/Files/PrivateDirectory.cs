namespace Linux;

/// <summary>Directories that are ours alone.</summary>
public static class PrivateDirectory
{
    private const uint OwnerOnly = 0x1c0; // 0700
    private const int RandomDigits = 12;
    private const int Attempts = 16;

    /// <summary>Makes a directory of mode 0700 with a fresh name.</summary>
    /// <param name="parent">Where.</param>
    /// <param name="prefix">What the name starts with.</param>
    /// <returns>Its path.</returns>
    /// <exception cref="LinuxException">It cannot be made.</exception>
    public static string Create(string parent, string prefix)
    {
        for (int attempt = 1; ; attempt++)
        {
            string path = $"{parent.TrimEnd('/')}/{prefix}{RandomName()}";
            if (Libc.mkdir(path, OwnerOnly) == 0)
                return path;
            if (LinuxException.LastErrno != Errno.EEXIST || attempt == Attempts)
                LinuxException.ThrowLast("mkdir", path);
        }
    }

    // A version 4 Guid is random from the kernel; RandomNumberGenerator would load OpenSSL for the same.
    internal static string RandomName() => Guid.NewGuid().ToString("N")[..RandomDigits];
}
