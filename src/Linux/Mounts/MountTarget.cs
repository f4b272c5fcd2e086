namespace Linux;

/// <summary>Finds mount targets inside of a root file system whose content is the image's, so hostile.</summary>
internal static class MountTarget
{
    /// <summary>Opens the place step by step, following no link, so that it cannot lie outside.</summary>
    /// <returns>An O_PATH descriptor; mounting on its <see cref="Descriptor.ProcPath"/> mounts exactly there.</returns>
    /// <exception cref="LinuxException">A component is missing, is "..", or is a link (ELOOP).</exception>
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
        catch (LinuxException e) // which component it was says little without the whole
        {
            throw new LinuxException(e.Errno, "mount target", PathOf(rootfs, target));
        }
    }

    /// <summary>The target as text, for messages and for unmounting.</summary>
    internal static string PathOf(string rootfs, string target) =>
        string.Join('/', [rootfs.TrimEnd('/'), .. PathParts.ComponentsInside(target, "mount target")]);
}
