namespace Linux;

/// <summary>Finds mount targets inside of a root file system. Its content comes from the image, so it is not
/// trusted.</summary>
internal static class MountTarget
{
    /// <summary>Opens the target step by step without following links, so that it cannot be outside.</summary>
    /// <returns>An O_PATH descriptor; a mount on its <see cref="Descriptor.ProcPath"/> is made exactly there.</returns>
    /// <exception cref="LinuxException">A component is missing, is ".." or is a link (ELOOP).</exception>
    internal static Descriptor Open(string rootfs, string target)
    {
        Descriptor current = Descriptor.Open(rootfs, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW);
        try
        {
            foreach (string component in PathParts.ComponentsInside(target, "mount target"))
            {
                Descriptor next = OpenStep(current, component, rootfs, target);
                current.Dispose();
                current = next;
                if (FileStatus.Of(current).Kind == FileKind.Link)
                    throw new LinuxException(Errno.ELOOP, "mount target", PathOf(rootfs, target),
                        $"{component} is a link");
            }
            return current;
        }
        catch
        {
            current.Dispose();
            throw;
        }
    }

    private static Descriptor OpenStep(Descriptor directory, string component, string rootfs, string target)
    {
        try
        {
            return directory.OpenAt(component, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW);
        }
        catch (LinuxException e) // name the whole path: a component alone says little
        {
            throw new LinuxException(e.Errno, "mount target", PathOf(rootfs, target));
        }
    }

    /// <summary>The path of the target, for messages and for unmounting.</summary>
    internal static string PathOf(string rootfs, string target) =>
        string.Join('/', [rootfs.TrimEnd('/'), .. PathParts.ComponentsInside(target, "mount target")]);
}
