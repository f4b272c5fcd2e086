using Linux;

namespace Shim.Containers;

/// <summary>An image that <c>runsc checkpoint</c> wrote: a directory with files in it.</summary>
internal static class CheckpointImage
{
    private const string StateFile = "checkpoint.img";

    /// <summary>
    /// Refuses what cannot be restored, before anything is started. Whether the image is whole only runsc knows.
    /// </summary>
    /// <param name="path">The image's directory.</param>
    /// <param name="container">What messages call the container.</param>
    /// <param name="joinsSandbox">Whether the container is to join a sandbox that runs.</param>
    /// <exception cref="ContainerException">There is no image, or this container cannot be restored from one.</exception>
    public static void Require(string path, string container, bool joinsSandbox)
    {
        if (joinsSandbox)
            throw new ContainerException(Refusal.WrongState,
                $"{container} cannot be restored from {path}: it joins a sandbox that runs already, and gVisor saves and "
                + "restores whole sandboxes");
        if (!path.StartsWith('/'))
            throw new ContainerException(Refusal.InvalidArgument,
                $"{container} cannot be restored: checkpoint path \"{path}\" is not absolute");
        try
        {
            using OpenDirectory? directory = OpenDirectory.TryOpen(path);
            if (directory is null)
                throw new ContainerException(Refusal.InvalidArgument,
                    $"{container} cannot be restored: there is no directory {path}");
            bool found = false;
            directory.List(entry => !(found = entry.IsRegular && entry.Name == StateFile));
            if (!found)
                throw new ContainerException(Refusal.InvalidArgument,
                    $"{container} cannot be restored: {path} holds no image (no file {StateFile} that runsc checkpoint writes)");
        }
        catch (LinuxException e)
        {
            throw new ContainerException(
                Refusal.InvalidArgument, $"{container} cannot be restored from {path}: {e.Message}", e);
        }
    }
}
