using System.Text;
using Linux;

namespace Shim.Containers;

/// <summary>
/// Mounts file systems that are programs: types <c>fuse.NAME</c> and <c>fuse3.NAME</c>, which fuse's own
/// <c>mount.fuse</c> and <c>mount.fuse3</c> start. containerd's snapshotters for FUSE name such types.
/// </summary>
/// <remarks>The program is a child of this shim then, and ends when its file system is unmounted.</remarks>
internal sealed class MountHelper(IChildProcesses processes, TimeProvider time)
{
    private const int OutputLimit = 4096;
    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_killBound = TimeSpan.FromSeconds(2);

    /// <summary>The helper for a type of file system; null: the kernel mounts it.</summary>
    public static string? Of(string type) =>
        type.StartsWith("fuse3.", StringComparison.Ordinal) ? "mount.fuse3"
        : type.StartsWith("fuse.", StringComparison.Ordinal) ? "mount.fuse" : null;

    /// <summary>Its arguments (mount.fuse3(8)).</summary>
    /// <param name="helper">The helper.</param>
    /// <param name="mount">The mount.</param>
    /// <param name="directory">The directory on which it is mounted.</param>
    internal static List<string> Arguments(string helper, MountSpec mount, string directory)
    {
        List<string> arguments = [helper, mount.Source, directory];
        foreach (string option in mount.Options)
            if (!MountSpec.IsNote(option))
                arguments.AddRange(["-o", option]);
        return [.. arguments, "-t", mount.Type[(mount.Type.IndexOf('.') + 1)..]];
    }

    /// <summary>Mounts a file system.</summary>
    /// <param name="helper">The helper.</param>
    /// <param name="mount">The mount.</param>
    /// <param name="rootfs">The directory on which it is mounted.</param>
    /// <exception cref="IOException">
    /// The helper could not be started, failed, or did not end within a minute.
    /// </exception>
    /// <exception cref="RefusedException">It is to be mounted inside of another file system.</exception>
    public async Task MountAsync(string helper, MountSpec mount, string rootfs)
    {
        // A program follows links in the image.
        if (mount.Target.Trim('/').Length > 0)
            throw new RefusedException(Refusal.Unsupported,
                $"mount {mount.Type} on {mount.Target}: {helper} mounts only the root of a root file system");
        Mounts.RequireResolved(mount);
        using Descriptor output = MemoryFile.Create(helper);
        ChildProcess child = processes.Spawn(new SpawnRequest
        {
            Path = helper,
            Arguments = Arguments(helper, mount, rootfs),
            Descriptors = [null, output, output],
            NewProcessGroup = true,
        });
        if (!await LoopTask.AnyWithinAsync(s_bound, time, child.Exited))
        {
            // The helper and what it has started: one that lived on could mount after the create has been undone.
            Signals.Send(-child.Pid, Signals.SIGKILL);
            await LoopTask.AnyWithinAsync(s_killBound, time, child.Exited);
            throw Failed($"timed out after {s_bound.TotalSeconds:0} s and was killed");
        }
        ProcessExit exit = await child.Exited;
        if (exit.ExitCode != 0 || !Mounts.IsMountPoint(rootfs))
            throw Failed($"exit status {exit.ExitCode}: {Encoding.UTF8.GetString(
                MemoryFile.Read(output, OutputLimit)).Trim()}");

        IOException Failed(string why) => new($"{helper} {mount.Type} {mount.Source} on {rootfs}: {why}");
    }
}
