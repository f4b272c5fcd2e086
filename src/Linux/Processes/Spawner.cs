using System.Collections;
using System.Runtime.InteropServices;

namespace Linux;

/// <summary>
/// Starts programs with posix_spawn(3).
/// </summary>
/// <remarks>
/// Not fork: between fork and exec a managed process cannot run managed code (other threads, and the locks they hold,
/// are gone). Both C libraries implement posix_spawn by clone(CLONE_VM | CLONE_VFORK): no page table is copied, the
/// caller waits some dozens of microseconds until exec, all signals are blocked meanwhile, and the result is the error
/// of any step, including exec. The caller must reap the child, see <see cref="Reaper"/>.
/// </remarks>
public static unsafe class Spawner
{
    private const int FirstExtraDescriptor = 3;
    private const int SameNumberAsPid = 0;
    private const int FilteredStackBytes = 128 << 10;
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    // False once the kernel has refused, perhaps for lack of rights.
    private static bool s_canFilter = true;

    /// <summary>Starts a program.</summary>
    /// <returns>Its pid.</returns>
    /// <exception cref="LinuxException">The program could not be started. The message names it, or the working
    /// directory if that is missing.</exception>
    /// <exception cref="ArgumentException">A string contains NUL.</exception>
    public static int Spawn(SpawnRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        string program = Find(request.Path);
        void* actions = stackalloc byte[Libc.SpawnActionsBytes];
        void* attributes = stackalloc byte[Libc.SpawnAttributesBytes];
        Require(Libc.posix_spawn_file_actions_init(actions), "posix_spawn_file_actions_init");
        Require(Libc.posix_spawnattr_init(attributes), "posix_spawnattr_init");
        List<Descriptor> moved = [];
        try
        {
            using CStrings arguments = new(request.Arguments, "the arguments");
            using CStrings environment = new(request.Environment ?? OwnEnvironment(), "the environment");
            AddDescriptors(actions, request.Descriptors, moved);
            if (request.WorkingDirectory is { } directory)
                Require(Libc.posix_spawn_file_actions_addchdir_np(actions, directory), "addchdir_np");
            SetAttributes(attributes, request);
            int pid, error;
            if (!request.WithoutMembarrier
                || !TrySpawnFiltered(
                    &pid, program, actions, attributes, arguments.Pointer, environment.Pointer, out error))
                error = Libc.posix_spawn(&pid, program, actions, attributes, arguments.Pointer, environment.Pointer);
            return error == 0 ? pid : throw Failure((Errno)error, program, request.WorkingDirectory);
        }
        finally
        {
            foreach (Descriptor descriptor in moved)
                descriptor.Dispose();
            GC.KeepAlive(request); // the descriptors were passed by number
            _ = Libc.posix_spawn_file_actions_destroy(actions);
            _ = Libc.posix_spawnattr_destroy(attributes);
        }
    }

    /// <summary>A thread cannot remove a filter, so a new thread installs it, starts the program and ends.</summary>
    /// <returns>False, with nothing started, if the filter or the thread cannot be had.</returns>
    private static bool TrySpawnFiltered(
        int* pid, string program, void* actions, void* attributes, byte** arguments, byte** environment, out int error)
    {
        error = 0;
        if (!s_canFilter)
            return false;
        int result = 0;
        Thread thread = new(
            () =>
            {
                s_canFilter = MembarrierFilter.TryInstall();
                if (s_canFilter)
                    result = Libc.posix_spawn(pid, program, actions, attributes, arguments, environment);
            },
            FilteredStackBytes);
        try
        {
            thread.UnsafeStart();
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
        thread.Join();
        error = result;
        return s_canFilter;
    }

    /// <summary>
    /// The dup2 calls of the child run in order, so one could overwrite the source of a later one. Therefore every
    /// source whose number is also a number in the child is first duplicated here to a higher number. (That also
    /// handles equal source and target, where a plain dup2 would leave the descriptor close-on-exec.)
    /// </summary>
    private static void AddDescriptors(void* actions, IReadOnlyList<Descriptor?> descriptors, List<Descriptor> moved)
    {
        int count = Math.Max(descriptors.Count, FirstExtraDescriptor);
        for (int number = 0; number < count; number++)
        {
            Descriptor? source = number < descriptors.Count ? descriptors[number] : null;
            if (source is null)
            {
                Require(Libc.posix_spawn_file_actions_addopen(actions, number, "/dev/null", (int)OpenFlags.O_RDWR, 0),
                    "posix_spawn_file_actions_addopen");
                continue;
            }
            if (source.Fd < count)
            {
                source = source.DuplicateFrom(count);
                moved.Add(source);
            }
            Require(Libc.posix_spawn_file_actions_adddup2(actions, source.Fd, number),
                "posix_spawn_file_actions_adddup2");
        }
        CloseFrom(actions, count);
    }

    /// <summary>All of our descriptors are close-on-exec. Descriptors that we inherited unknowingly are closed if the C
    /// library can do it (glibc 2.34). The program must start without that function, hence the look-up by
    /// name.</summary>
    private static void CloseFrom(void* actions, int lowest)
    {
        if (NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), "posix_spawn_file_actions_addclosefrom_np",
            out nint function))
            Require(((delegate* unmanaged<void*, int, int>)function)(actions, lowest),
                "posix_spawn_file_actions_addclosefrom_np");
    }

    private static void SetAttributes(void* attributes, SpawnRequest request)
    {
        short flags = Libc.POSIX_SPAWN_SETSIGDEF | Libc.POSIX_SPAWN_SETSIGMASK;
        Libc.sigset_t mask = request.BlockedSignals.Native;
        Libc.sigset_t all = SignalSet.All.Native;
        Require(Libc.posix_spawnattr_setsigmask(attributes, &mask), "posix_spawnattr_setsigmask");
        Require(Libc.posix_spawnattr_setsigdefault(attributes, &all), "posix_spawnattr_setsigdefault");
        if (request.NewProcessGroup)
        {
            flags |= Libc.POSIX_SPAWN_SETPGROUP;
            Require(Libc.posix_spawnattr_setpgroup(attributes, SameNumberAsPid), "posix_spawnattr_setpgroup");
        }
        Require(Libc.posix_spawnattr_setflags(attributes, flags), "posix_spawnattr_setflags");
    }

    /// <summary>Finds the file to run: a name without a slash is searched for in PATH, as by execvp(3).</summary>
    /// <exception cref="LinuxException">Not in PATH, or not executable there.</exception>
    public static string Find(string program)
    {
        ArgumentException.ThrowIfNullOrEmpty(program);
        if (program.Contains('/'))
            return program;
        string path = Environment.GetEnvironmentVariable("PATH") ?? DefaultPath;
        Errno reason = Errno.ENOENT;
        foreach (string directory in path.Split(':'))
        {
            string candidate = $"{(directory.Length == 0 ? "." : directory)}/{program}";
            if (!File.Exists(candidate)) // false for a directory
                continue;
            if (Libc.access(candidate, Libc.X_OK) == 0)
                return candidate;
            reason = Errno.EACCES;
        }
        throw new LinuxException(reason, "exec", program,
            reason == Errno.ENOENT ? $"not found in PATH {path}" : $"found in PATH {path}, but not executable");
    }

    // posix_spawn has one result for all of its steps, two of which fail with ENOENT in practice.
    private static LinuxException Failure(Errno errno, string program, string? directory) =>
        directory is not null && !Directory.Exists(directory)
            ? new LinuxException(errno, "chdir", directory)
            : new LinuxException(errno, "exec", program);

    /// <summary>Our environment as .NET sees it, including later changes.</summary>
    private static List<string> OwnEnvironment()
    {
        List<string> entries = [];
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
            entries.Add($"{entry.Key}={entry.Value}");
        return entries;
    }

    private static void Require(int error, string call)
    {
        if (error != 0)
            throw new LinuxException((Errno)error, call);
    }
}
