using System.Runtime.InteropServices;

namespace Linux;

/// <summary>Makes user namespaces, which describe the ids of id-mapped mounts.</summary>
/// <remarks>
/// A process with threads cannot make one for itself, and a namespace needs a process until somebody has it open. So a
/// child is cloned that runs nothing but the C library's <c>sleep</c>: managed code cannot run in it, since the other
/// threads, and the locks that they hold, are not there. It sends no SIGCHLD, so the <see cref="Reaper"/> does not see
/// it, and should this process be killed, it ends by itself.
/// </remarks>
internal static unsafe class UserNamespace
{
    private const int StackBytes = 64 << 10;
    private const int LongestSeconds = 10;

    /// <summary>Makes one.</summary>
    /// <param name="uids">The text of its uid_map.</param>
    /// <param name="gids">The text of its gid_map.</param>
    /// <exception cref="LinuxException">EPERM, ENOSPC: user namespaces are forbidden. EINVAL: the maps overlap.
    /// </exception>
    internal static Descriptor Create(string uids, string gids)
    {
        nint sleep = NativeLibrary.GetExport(NativeLibrary.GetMainProgramHandle(), "sleep");
        void* stack = NativeMemory.AlignedAlloc(StackBytes, 16);
        try
        {
            int child = Libc.clone(sleep, (byte*)stack + StackBytes, Libc.CLONE_NEWUSER, LongestSeconds);
            LinuxException.ThrowIfFailed(child, "clone", "CLONE_NEWUSER");
            try
            {
                SmallFile.WriteText($"/proc/{child}/uid_map", uids);
                SmallFile.WriteText($"/proc/{child}/gid_map", gids);
                return Descriptor.Open($"/proc/{child}/ns/user", OpenFlags.O_RDONLY);
            }
            finally
            {
                _ = Libc.kill(child, Signals.SIGKILL);
                while (Libc.waitpid(child, null, Libc.__WALL) < 0 && LinuxException.LastErrno == Errno.EINTR)
                {
                    // Interrupted by a signal: again.
                }
            }
        }
        finally
        {
            NativeMemory.AlignedFree(stack);
        }
    }
}
