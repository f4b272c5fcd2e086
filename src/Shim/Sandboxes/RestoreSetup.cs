using Linux;
using Shim.Checkpoints;
using Shim.Configuration;
using Shim.Oci;
using Shim.Runsc;

namespace Shim.Sandboxes;

/// <summary>Finds the images from which a new container is to be restored, before anything is started.</summary>
internal sealed class RestoreSetup(ShimContext context)
{
    /// <summary>The image of a new sandbox, as its request or its annotations name it; null if none is named.</summary>
    /// <param name="id">The sandbox.</param>
    /// <param name="checkpoint">The image that the request names; null if none.</param>
    /// <param name="spec">The sandbox's specification.</param>
    /// <param name="annotations">The image that its annotations name.</param>
    /// <param name="configuration">What the administrator allows.</param>
    /// <param name="runsc">The runsc that is to restore it.</param>
    /// <returns>The image; the caller disposes it.</returns>
    /// <exception cref="CheckpointException">There is no image, or the sandbox cannot be restored from it.</exception>
    public async Task<CheckpointImage?> OpenImageAsync(string id, string? checkpoint, ContainerSpec spec,
        RestoreAnnotations annotations, ShimConfiguration configuration, RunscCommands runsc)
    {
        if ((checkpoint ?? annotations.Image) is not { } path)
            return null;
        CheckpointImage image;
        try
        {
            image = await context.Blocking.RunAsync("look at", path, () => CheckpointImage.Open(
                checkpoint is not null
                    ? ImageDirectory.Open(path)
                    : ImageDirectory.OpenAllowed(RestoreAnnotations.ImagePath, path, RootOf(spec, configuration))));
        }
        catch (CheckpointException e)
        {
            throw new CheckpointException(e.Fault, $"container {id} cannot be restored: {e.Message}", e);
        }
        try
        {
            if (image.Header.RunscVersion is not null)
                image.RequireRunsc(await runsc.VersionAsync());
            RequireFitting(image, id, spec, configuration);
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The image of the new sandbox's file systems, as its annotations name it; null if none is named.
    /// </summary>
    /// <param name="spec">The sandbox's specification.</param>
    /// <param name="annotations">What its annotations say of images.</param>
    /// <param name="configuration">What the administrator allows.</param>
    /// <exception cref="CheckpointException">There is none, or it is not allowed.</exception>
    public async Task<OpenDirectory?> OpenFileSystemsAsync(
        ContainerSpec spec, RestoreAnnotations annotations, ShimConfiguration configuration)
    {
        if (annotations.FileSystemsImage is not { } path)
            return null;
        return await context.Blocking.RunAsync("look at", path, () =>
        {
            OpenDirectory directory = ImageDirectory.OpenAllowed(
                RestoreAnnotations.FileSystemsImagePath, path, RootOf(spec, configuration));
            try
            {
                ImageDirectory.RequireImage(directory, ImageFiles.FileSystems, "runsc fscheckpoint writes it");
                RequireNamespace(CheckpointImage.ReadRecord(directory), path, spec, configuration);
                return directory;
            }
            catch
            {
                directory.Dispose();
                throw;
            }
        });
    }

    /// <summary>Rejects annotations that would have runsc write images where the administrator does not allow it.
    /// </summary>
    /// <exception cref="CheckpointException">One does.</exception>
    public async Task RequireAllowedCheckpointsAsync(ContainerSpec spec, ShimConfiguration configuration)
    {
        if (!CheckpointAnnotations.NamePath(spec.Annotations))
            return;
        var root = new AllowedRoot("checkpoint_root", configuration.CheckpointRoot, spec.Namespace);
        await context.Blocking.RunAsync("look at", root.Path ?? "", () =>
            CheckpointAnnotations.RequireAllowedPaths(spec.Annotations, root));
    }

    /// <summary>
    /// The place of a container that joins a sandbox in the sandbox's image; null if it starts without an image.
    /// </summary>
    /// <param name="id">The container.</param>
    /// <param name="name">Its name in the pod.</param>
    /// <param name="checkpoint">The image that the request names; null if none.</param>
    /// <param name="sandbox">The sandbox; null if it is another shim's.</param>
    /// <exception cref="CheckpointException">
    /// It is to be restored and cannot be, or the image has no place for it.
    /// </exception>
    public async Task<int?> PlaceInImageAsync(string id, string name, string? checkpoint, Sandbox? sandbox)
    {
        if (sandbox?.Restore is { IsPending: true } begun && checkpoint is { } other
            && !await context.Blocking.RunAsync(
                "look at", other, () => FileIdentity.AreSame(other, begun.Settings.ImagePath)))
            throw new CheckpointException(CheckpointFault.DoesNotFit,
                $"container {id} is to be restored from {other}, and its sandbox is from {begun.ImagePath}: "
                + "an image is of a whole sandbox");
        // The restore may have ended while the image was looked at.
        if (sandbox?.Restore is { IsPending: true } restore)
        {
            int place = restore.Add(name);
            restore.Arrived();
            return place;
        }
        if (checkpoint is { } image)
            throw new CheckpointException(CheckpointFault.DoesNotFit,
                $"container {id} cannot be restored from {image}: it joins a sandbox that is already running, and "
                + "gVisor saves and restores whole sandboxes. A pod is restored by the annotation "
                + $"{RestoreAnnotations.ImagePath} of the pod");
        if (sandbox?.Restore is { } done)
            context.Log.StartsWithoutImage(id, done.ImagePath);
        return null;
    }

    private static AllowedRoot RootOf(ContainerSpec spec, ShimConfiguration configuration) =>
        new("restore_root", configuration.RestoreRoot, spec.Namespace);

    private static void RequireNamespace(
        CheckpointRecord? record, string image, ContainerSpec spec, ShimConfiguration configuration)
    {
        // A client of containerd that restores without a pod is root.
        if (spec.IsOfPod && !configuration.RestoreAcrossNamespaces)
            record?.RequireNamespace(image, spec.Namespace);
    }

    private static void RequireFitting(
        CheckpointImage image, string id, ContainerSpec spec, ShimConfiguration configuration)
    {
        RequireNamespace(image.Record, image.Path, spec, configuration);
        int? count = image.Record?.Containers.Count ?? image.Header.ContainerCount;
        if (count > 1 && !spec.IsOfPod)
            throw new CheckpointException(CheckpointFault.DoesNotFit,
                $"image {image.Path} holds {count} containers, and container {id} is not of a pod: "
                + "no other container can join it");
        if (spec.IsOfPod && !configuration.Grouping)
            throw new CheckpointException(CheckpointFault.DoesNotFit,
                "a pod is restored by one shim for all its containers: grouping = false in the shim's configuration "
                + "forbids that");
    }
}
