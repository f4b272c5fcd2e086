using Containerd.Api.Tasks;
using Testing;
using Task = System.Threading.Tasks.Task;

namespace Benchmarks;

/// <summary>
/// A checkpoint of a container that holds 256 MiB in memory, and its restore, through this shim and with runsc alone.
/// </summary>
/// <remarks>
/// The bytes are random; the image is not compressed, and goes into memory. The shim's part is to look at the
/// directories, to write what a restore needs to know, and to move the image to its place when it is whole.
/// </remarks>
internal static class CheckpointBenchmark
{
    private const int Mebibytes = 256;

    public static async Task RunAsync(Session session)
    {
        const int WarmUps = 1;
        int rounds = session.Times(20, 1);
        // A disk takes between 100 and 500 ms for the same image.
        string images = Directory.CreateDirectory(Path.Combine(session.Directory, "images")).FullName;
        Linux.Mounts.Mount([new Linux.MountSpec { Type = "tmpfs", Source = "tmpfs" }], images);
        Session.Say(
            $"checkpoint: {rounds} rounds of an image of {Mebibytes} MiB"
            + $" and its restore in turn: raw runsc, this shim");
        List<double> rawOut = [], rawBack = [], shimOut = [], shimBack = [];
        for (int round = -WarmUps; round < rounds; round++)
        {
            // In turn: the second one finds the disk busier or the cache warmer.
            (double Out, double Back) raw, shim;
            if (round % 2 == 0)
                (raw, shim) = (await RawAsync(session, images), await ThroughShimAsync(session, images));
            else
                (shim, raw) = (await ThroughShimAsync(session, images), await RawAsync(session, images));
            if (round < 0)
                continue;
            rawOut.Add(raw.Out);
            rawBack.Add(raw.Back);
            shimOut.Add(shim.Out);
            shimBack.Add(shim.Back);
        }
        string checkpoint = $"a checkpoint of a container with {Mebibytes} MiB in memory, which runs on";
        string restore = "its restore: create and restore";
        session.Report.Add(checkpoint, "ms", "runsc checkpoint, no shim", new Samples(rawOut));
        session.Report.Add(checkpoint, "ms", ShimProgram.Ours.Name, new Samples(shimOut));
        session.Report.Add(restore, "ms", "runsc create, restore, no shim", new Samples(rawBack));
        session.Report.Add(restore, "ms", ShimProgram.Ours.Name, new Samples(shimBack));
    }

    private static async Task<(double Out, double Back)> RawAsync(Session session, string images)
    {
        session.Cancellation.ThrowIfCancellationRequested();
        string id = session.NewId(), again = session.NewId();
        string directory = Directory.CreateDirectory(Path.Combine(session.Directory, id)).FullName;
        string root = Path.Combine(directory, "runtime/bench"), image = Path.Combine(images, id);
        string[] First(params string[] command) => [.. RawRunsc.Global(Path.Combine(directory, id), root), .. command];
        string[] Second(params string[] command) =>
            [.. RawRunsc.Global(Path.Combine(directory, again), root), .. command];

        string bundle = BundleWriter.Write(directory, id, "sleep", "1000");
        await StepAsync(First("create", "--bundle", bundle, id));
        await StepAsync(First("start", id));
        await FillAsync(root, id);
        double taken = await Session.TimeAsync(() => StepAsync(
            First("checkpoint", $"--image-path={image}", "--leave-running", "--compression=none", id)));
        await StepAsync(First("delete", "--force", id));
        bundle = BundleWriter.Write(directory, again, "sleep", "1000");
        double back = await Session.TimeAsync(async () =>
        {
            await StepAsync(Second("create", "--bundle", bundle, again));
            await StepAsync(Second("restore", $"--image-path={image}", "--detach", again));
        });
        await RequireFilledAsync(root, again);
        await StepAsync(Second("delete", "--force", again));
        Directory.Delete(directory, recursive: true);
        Directory.Delete(image, recursive: true);
        return (taken, back);
    }

    private static async Task<(double Out, double Back)> ThroughShimAsync(Session session, string images)
    {
        await using ServingShim shim = await ServingShim.StartAsync(session, ShimProgram.Ours);
        string directory = Path.GetDirectoryName(shim.Bundle)!, root = Path.Combine(directory, "runtime/bench"),
            again = session.NewId();
        string image = Path.Combine(images, shim.Id);
        await shim.RunContainerAsync();
        await FillAsync(root, shim.Id + "+");
        double taken = await Session.TimeAsync(async () =>
            await shim.Tasks.CheckpointAsync(new CheckpointTaskRequest { Id = shim.Id, Path = image }, shim.Bounded));
        await shim.KillContainerAsync();
        string bundle = BundleWriter.Write(directory, again, "sleep", "1000");
        double back = await Session.TimeAsync(async () =>
        {
            await shim.CreateContainerAsync(again, bundle, "", "", image);
            await shim.Tasks.StartAsync(new StartRequest { Id = again }, shim.Bounded);
        });
        await RequireFilledAsync(root, again + "+");
        await shim.KillContainerAsync(again);
        await shim.ShutdownAsync();
        Directory.Delete(directory, recursive: true);
        Directory.Delete(image, recursive: true);
        return (taken, back);
    }

    private static Task FillAsync(string root, string id) => StepAsync([Tools.Runsc, $"--root={root}", "exec", id,
        "dd", "if=/dev/urandom", "of=/dev/data", "bs=1M", $"count={Mebibytes}", "iflag=fullblock"]);

    /// <summary>
    /// What was in memory must be there again: a restore that is fast because it does nothing is no result.
    /// </summary>
    private static Task RequireFilledAsync(string root, string id) => StepAsync(
        [Tools.Runsc, $"--root={root}", "exec", id, "dd", "if=/dev/data", "of=/dev/null", "bs=1M",
            "skip=" + (Mebibytes - 1), "count=1"]);

    /// <summary>A sandbox keeps create's output open, and a pipe to here would not end before it.</summary>
    private static async Task StepAsync(string[] command) =>
        (await Command.RunAsync("/bin/sh", ["-c", "exec \"$@\" >/dev/null 2>&1", "sh", .. command])).Succeeded();
}
