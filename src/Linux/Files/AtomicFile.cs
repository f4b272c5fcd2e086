namespace Linux;

/// <summary>Replaces files so that a reader sees either the old content or the new one, never a part.</summary>
public static class AtomicFile
{
    /// <summary>Writes a new file with mode 0600, less the umask, beside the old one and renames it over the old one.
    /// A link with that name is replaced, not followed.</summary>
    /// <param name="path">The file.</param>
    /// <param name="content">The whole content.</param>
    /// <exception cref="LinuxException">It failed; the old file is untouched and the new one is removed.</exception>
    public static void Replace(string path, ReadOnlySpan<byte> content)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        (string parent, string name) = PathParts.Split(path);
        // Everything is relative to this descriptor, so that moving the directory meanwhile changes nothing.
        using Descriptor directory = Descriptor.Open(parent, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY);
        string temporary = $".{name}.{PrivateDirectory.RandomName()}";
        using Descriptor file = directory.OpenAt(temporary,
            OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_NOFOLLOW);
        try
        {
            while (!content.IsEmpty)
            {
                int count = file.TryWrite(content, out Errno errno);
                if (count < 0)
                    throw new LinuxException(errno, "write", path);
                content = content[count..];
            }
            LinuxException.ThrowIfFailed(Libc.renameat(directory, temporary, directory, name), "rename", path);
        }
        catch
        {
            _ = Libc.unlinkat(directory, temporary, 0); // the first failure is the one reported
            throw;
        }
    }
}
