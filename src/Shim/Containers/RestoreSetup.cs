using Linux;
using Shim.Checkpoints;
using Shim.Configuration;
using Shim.Runsc;

namespace Shim.Containers;

/// <summary>Finds the images that a new container is to come back from, before anything is started.</summary>
internal sealed class RestoreSetup(ContainerContext context)
{
    /// <summary>The image of a new sandbox, as its request or its annotations name it; null where it begins anew.</summary>
    /// <param name="request">What was asked.</param>
    /// <param name="spec">The sandbox's specification.</param>
    /// <param name="annotations">What its annotations say of images.</param>
    /// <param name="commands">The runsc that is to restore it.</param>
    /// <param name="undo">Closes the image if a later step fails.</param>
    /// <exception cref="CheckpointException">There is no image, or the sandbox cannot be restored from it.</exception>
    public async Task<CheckpointImage?> OpenImageAsync(CreateRequest request, ContainerSpec spec,
        RestoreAnnotations annotations, RunscCommands commands, Undo undo)
    {
        if ((request.Checkpoint ?? annotations.Image) is not { } path)
            return null;
        CheckpointImage image;
        try
        {
            image = await context.BlockingAsync("look at", path, () => CheckpointImage.Open(
                request.Checkpoint is not null
                    ? ImageDirectory.Open(path)
                    : ImageDirectory.OpenAllowed(RestoreAnnotations.ImagePath, path, request.Configuration.RestoreRoot)));
        }
        catch (CheckpointException e)
        {
            throw new CheckpointException(e.Fault, $"container {request.Id} cannot be restored: {e.Message}", e);
        }
        undo.Add($"close {path}", () =>
        {
            image.Dispose();
            return Task.CompletedTask;
        });
        if (image.Header.RunscVersion is not null)
            image.RequireRunsc(await commands.VersionAsync());
        int? count = image.Record?.Containers.Count ?? image.Header.ContainerCount;
        if (count > 1 && !spec.IsOfPod)
            throw new CheckpointException(CheckpointFault.DoesNotFit,
                $"image {path} is of {count} containers, and container {request.Id} is no pod's: no other can join it");
        if (spec.IsOfPod && !request.Configuration.Grouping)
            throw new CheckpointException(CheckpointFault.DoesNotFit,
                "a pod is restored by one shim for all its containers: grouping = false in the shim's configuration forbids that");
        return image;
    }

    /// <summary>The image of the new sandbox's file systems, as its annotations name it; null where they begin anew.</summary>
    /// <param name="annotations">What its annotations say of images.</param>
    /// <param name="configuration">What is allowed.</param>
    /// <exception cref="CheckpointException">There is none, or it is not allowed.</exception>
    public async Task<OpenDirectory?> OpenFileSystemsAsync(RestoreAnnotations annotations, ShimConfiguration configuration)
    {
        if (annotations.FileSystemsImage is not { } path)
            return null;
        return await context.BlockingAsync("look at", path, () =>
        {
            OpenDirectory directory =
                ImageDirectory.OpenAllowed(RestoreAnnotations.FileSystemsImagePath, path, configuration.RestoreRoot);
            try
            {
                ImageDirectory.RequirePlainFiles(directory, ImageFiles.FileSystems, "runsc fscheckpoint writes it");
                return directory;
            }
            catch
            {
                directory.Dispose();
                throw;
            }
        });
    }

    /// <summary>The place of a container that joins a sandbox in the sandbox's image; null where it begins anew.</summary>
    /// <exception cref="CheckpointException">It is to be restored and cannot be, or the image has no place for it.</exception>
    public async Task<int?> PlaceInImageAsync(CreateRequest request, ContainerSpec spec, Sandbox? sandbox)
    {
        if (sandbox?.Restore is { IsPending: true } begun && request.Checkpoint is { } other
            && !await context.BlockingAsync("look at", other, () => FileIdentity.AreSame(other, begun.Settings.ImagePath)))
            throw new CheckpointException(CheckpointFault.DoesNotFit,
                $"container {request.Id} is to be restored from {other}, and its sandbox is from {begun.ImagePath}: "
                + "an image is of a whole sandbox");
        // The restore may have ended while the image was looked at.
        if (sandbox?.Restore is { IsPending: true } restore)
        {
            int place = restore.Add(spec.Name);
            restore.Arrived(sandbox, context.Time);
            return place;
        }
        if (request.Checkpoint is { } image)
            throw new CheckpointException(CheckpointFault.DoesNotFit,
                $"container {request.Id} cannot be restored from {image}: it joins a sandbox that runs already, and gVisor "
                + "saves and restores whole sandboxes. A pod is restored by the annotation "
                + $"{RestoreAnnotations.ImagePath} of the pod");
        if (sandbox?.Restore is { } done)
            context.Log.StartsAnew(request.Id, done.ImagePath);
        return null;
    }
}
