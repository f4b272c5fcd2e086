using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Linux;

/// <summary>A system call failed: which one, on what, and why. The message reads
/// <c>open /x/y: No such file or directory (ENOENT)</c>.</summary>
public sealed class LinuxException : IOException
{
    /// <summary>An error of <paramref name="call"/>, with the C library's words for the number.</summary>
    /// <param name="errno">The error number.</param>
    /// <param name="call">The call or action that failed, in C's spelling.</param>
    /// <param name="target">What it was done to: a path, a pid, a descriptor.</param>
    public LinuxException(Errno errno, string call, string? target = null)
        : this(errno, call, target, Marshal.GetPInvokeErrorMessage((int)errno))
    {
    }

    /// <summary>An error that words of our own explain better than the C library's.</summary>
    /// <param name="errno">The error number that callers decide by.</param>
    /// <param name="call">The call or action that failed.</param>
    /// <param name="target">What it was done to.</param>
    /// <param name="words">The reason, in words.</param>
    internal LinuxException(Errno errno, string call, string? target, string words)
        : base($"{call}{(target is null ? "" : " ")}{target}: {words} ({errno})")
    {
        Errno = errno;
    }

    /// <summary>The error number.</summary>
    public Errno Errno { get; }

    /// <summary>The error of the P/Invoke just made on this thread.</summary>
    internal static Errno LastErrno => (Errno)Marshal.GetLastPInvokeError();

    /// <summary>Passes a result through; one below zero becomes the exception for the call just made.</summary>
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
