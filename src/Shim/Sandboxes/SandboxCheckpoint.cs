using System.Text;
using Linux;
using Shim.Bundles;
using Shim.Checkpoints;
using Shim.Events;
using Shim.Runsc;

namespace Shim.Sandboxes;

/// <summary>Writes images of a sandbox.</summary>
/// <param name="context">What it works with.</param>
/// <param name="sandbox">The sandbox.</param>
/// <param name="container">The container of which the checkpoint was requested.</param>
/// <param name="bundle">That container's bundle.</param>
/// <param name="runsc">runsc's commands for that container.</param>
internal sealed class SandboxCheckpoint(
    ShimContext context, Sandbox sandbox, ISandboxMember container, Bundle bundle, RunscCommands runsc)
{
    private static readonly TimeSpan s_endBound = TimeSpan.FromSeconds(10);

    /// <summary>Writes an image. If that fails, no file remains, and the sandbox is as it was.</summary>
    /// <exception cref="RefusedException">A container of the sandbox does not run.</exception>
    /// <exception cref="CheckpointException">The image cannot be written to that directory.</exception>
    /// <exception cref="RunscException">runsc could not write it.</exception>
    /// <exception cref="IOException">A file could not be written.</exception>
    public async Task WriteAsync(CheckpointRequest request)
    {
        sandbox.RequireSavable(container);
        context.Log.CheckpointCoversSandbox(container.Id, sandbox.Id, request.Path);
        long start = context.Time.GetTimestamp();
        SandboxEnd end = EndOf(request);
        NewImage image = await context.Blocking.RunAsync("write", request.Path, () => NewImage.Begin(request.Path));
        try
        {
            await sandbox.SaveAsync(container, end, async () =>
            {
                sandbox.RequireSavable(container);
                if (request.FileSystems is null)
                    await RequireNoExecsAsync();
                await WriteAsync(image, request, end);
                context.Log.Checkpointed(container.Id, sandbox.Id, request.Path, context.Time.GetElapsedTime(start));
                context.Events.Publish(TaskEvents.Checkpointed(container.Id, request.Path));
            });
        }
        catch (Exception e)
        {
            context.Log.CheckpointFailed(container.Id, request.Path, e);
            // Also if it was not even begun.
            await ClearAsync(image, request.Path);
            throw;
        }
        if (end != SandboxEnd.None)
            await Task.WhenAny(sandbox.Died, Task.Delay(s_endBound, context.Time));
    }

    /// <summary>
    /// Older releases write an image with an exec's streams, which no restore can give them: "no host FD available".
    /// Those that compare specifications at a restore do restore it.
    /// </summary>
    private async Task RequireNoExecsAsync()
    {
        foreach (ISandboxMember member in sandbox.Members)
            if (member.RunningExec is { } exec && !await runsc.HasFlagAsync(RunscArguments.RestoreSpecValidation))
                throw new RefusedException(Refusal.WrongState,
                    $"cannot checkpoint container {container.Id}: {exec} runs, and version "
                    + $"{await runsc.VersionAsync()} of runsc could not restore the image; end the "
                    + "exec first, or install a newer release of gVisor");
    }

    /// <summary>
    /// The shim ends the sandbox, so that a checkpoint that fails does not; but a program in the sandbox that takes
    /// part could not run in one that is paused meanwhile, so runsc ends that one.
    /// </summary>
    private static SandboxEnd EndOf(CheckpointRequest request) =>
        (request.FileSystems?.LeaveRunning ?? request.Settings.LeaveRunning) ? SandboxEnd.None
        : request.FileSystems is not null || request.Settings.RunsInSandbox ? SandboxEnd.ByRunsc
        : SandboxEnd.ByShim;

    private async Task WriteAsync(NewImage image, CheckpointRequest request, SandboxEnd end)
    {
        try
        {
            // One at a time: a `delete` after a killed shim finds this one.
            AtomicFile.Replace(bundle.PartialImage, Encoding.UTF8.GetBytes(image.PartialPath));
            CheckpointRecord? record = await RunAsync(image, request, end);
            await context.Blocking.RunStepsAsync("write", request.Path, progress =>
            {
                if (record is not null)
                    image.Add(record);
                image.Finish(request.FileSystems is null ? ImageFiles.State : ImageFiles.FileSystems, progress);
            }, image.Remove);
        }
        finally
        {
            await ClearAsync(image, request.Path);
        }
    }

    /// <summary>Has runsc write the image's files.</summary>
    /// <returns>What the shim adds to them; null if that would not fit the image.</returns>
    private async Task<CheckpointRecord?> RunAsync(NewImage image, CheckpointRequest request, SandboxEnd end)
    {
        RunscCommands commands = runsc.WithDebug(request.Debug);
        if (request.FileSystems is { } fileSystems)
        {
            await commands.CheckpointFileSystemsAsync(
                container.RunscId, image.PartialPath, fileSystems, bundle.RunscLog);
            return await RecordAsync();
        }
        Task<CheckpointRecord> recording = RecordAsync(); // meanwhile
        await commands.CheckpointAsync(container.RunscId, image.PartialPath,
            request.Settings with { LeaveRunning = end != SandboxEnd.ByRunsc }, bundle.RunscLog);
        return await MatchingAsync(await recording, image);
    }

    /// <summary>
    /// Removes what is not finished. A failure is only logged: it hides no other, and an image that is whole stays so.
    /// </summary>
    private async Task ClearAsync(NewImage image, string path)
    {
        try
        {
            await context.Blocking.RunAsync("clear", path, image.Dispose);
            File.Delete(bundle.PartialImage); // otherwise `delete` tries again
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            context.Log.UndoFailed(container.Id, $"remove {image.PartialPath}", e);
        }
    }

    /// <summary>What the restore needs to know. The version is for people, and not worth a failure.</summary>
    private async Task<CheckpointRecord> RecordAsync()
    {
        var names = new List<string>(sandbox.Members.Count);
        foreach (ISandboxMember member in sandbox.Members)
            names.Add(member.Name);
        string version = "";
        try
        {
            version = await runsc.VersionAsync();
        }
        catch (RunscException e)
        {
            context.Log.VersionUnknown(container.Id, e);
        }
        return new CheckpointRecord
        {
            RunscVersion = version,
            Containers = names,
            Volumes = sandbox.Volumes,
            Namespace = sandbox.PodNamespace ?? "",
            PodUid = sandbox.Volumes?.PodUid ?? "",
        };
    }

    /// <summary>
    /// Null if this shim does not have all of the sandbox's containers, which with <c>grouping = false</c> are other
    /// shims': such an image is restored like one that runsc alone wrote.
    /// </summary>
    private async Task<CheckpointRecord?> MatchingAsync(CheckpointRecord record, NewImage image)
    {
        int? count = await context.Blocking.RunAsync("read", image.PartialPath, image.CountContainers);
        if (count is null || count == record.Containers.Count)
            return record;
        context.Log.RecordLeftOut(container.Id, count.Value, record.Containers.Count);
        return null;
    }
}
