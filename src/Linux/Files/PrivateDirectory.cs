namespace Linux;

/// <summary>Directories that only this user can access.</summary>
public static class PrivateDirectory
{
    private const uint OwnerOnly = 0x1c0; // 0700
    private const int RandomDigits = 12;
    private const int Attempts = 16;

    /// <summary>Creates a directory with mode 0700 and a random name.</summary>
    /// <param name="parent">The directory to create it in.</param>
    /// <param name="prefix">The start of its name.</param>
    /// <returns>Its path.</returns>
    /// <exception cref="LinuxException">It cannot be created.</exception>
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

    // A version 4 Guid comes from the kernel's random numbers; RandomNumberGenerator would load OpenSSL for that.
    internal static string RandomName() => Guid.NewGuid().ToString("N")[..RandomDigits];
}
