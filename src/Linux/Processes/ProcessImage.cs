using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Linux;

/// <summary>The program that this process runs.</summary>
public static class ProcessImage
{
    /// <summary>
    /// Starts this program again in this process: same file, arguments, environment, pid and inherited descriptors,
    /// with
    /// <paramref name="blocked"/> blocked from its first instruction. A running program cannot do that: the runtime's
    /// threads exist before Main and keep the mask that they were started with.
    /// </summary>
    /// <remarks>Call it only if one of them is not blocked in <see cref="SignalMask.Current"/>; otherwise the program
    /// restarts forever.</remarks>
    /// <exception cref="LinuxException">exec failed; the signals stay blocked in this thread.</exception>
    [DoesNotReturn]
    public static unsafe void Exec(SignalSet blocked)
    {
        // The kernel's list: the runtime's own may lack the first.
        string[] arguments = SmallFile.ReadText("/proc/self/cmdline")[..^1].Split('\0');
        SignalMask.Block(blocked);
        List<string> environment = [];
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
            environment.Add($"{entry.Key}={entry.Value}");
        using CStrings argv = new(arguments, "the arguments");
        using CStrings envp = new(environment, "the environment");
        _ = Libc.execve("/proc/self/exe", argv.Pointer, envp.Pointer);
        LinuxException.ThrowLast("execve", "/proc/self/exe");
    }
}
