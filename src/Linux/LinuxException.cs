using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Linux;

/// <summary>A failed system call. The message says which call failed, on what, and why:
/// <c>open /x/y: No such file or directory (ENOENT)</c>.</summary>
public sealed class LinuxException : IOException
{
    /// <summary>An error of <paramref name="call"/>, with the C library's text for the number.</summary>
    /// <param name="errno">The error number.</param>
    /// <param name="call">The call or action that failed, spelled as in C.</param>
    /// <param name="target">What the call was made on: a path, a pid, a descriptor.</param>
    public LinuxException(Errno errno, string call, string? target = null)
        : this(errno, call, target, Marshal.GetPInvokeErrorMessage((int)errno))
    {
    }

    /// <summary>An error that needs a better explanation than the C library's text.</summary>
    /// <param name="errno">The error number, by which callers distinguish errors.</param>
    /// <param name="call">The call or action that failed.</param>
    /// <param name="target">What the call was made on.</param>
    /// <param name="words">The reason.</param>
    internal LinuxException(Errno errno, string call, string? target, string words)
        : base($"{call}{(target is null ? "" : " ")}{target}: {words} ({errno})")
    {
        Errno = errno;
    }

    /// <summary>The error number.</summary>
    public Errno Errno { get; }

    /// <summary>The error number of the last P/Invoke on this thread.</summary>
    internal static Errno LastErrno => (Errno)Marshal.GetLastPInvokeError();

    /// <summary>Returns the result of the last call, or throws its error if the result is negative.</summary>
    internal static int ThrowIfFailed(int result, string call, string? target = null)
    {
        if (result < 0)
            ThrowLast(call, target);
        return result;
    }

    [DoesNotReturn]
    internal static void ThrowLast(string call, string? target = null) =>
        throw new LinuxException(LastErrno, call, target);
}
