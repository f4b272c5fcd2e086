using Linux;

namespace Shim.Io;

/// <summary>The standard streams of one process in a sandbox, from before it is created until it is deleted.</summary>
/// <remarks>
/// The order of calls: <see cref="Descriptors"/> and <see cref="ConsoleSocket"/> are passed to the runsc command that
/// uses them; <see cref="HandedOverAsync"/> when that command has succeeded; <see cref="ProcessEnded"/> when the
/// process has ended; <see cref="DisposeAsync"/> when the process is deleted, or at any time before.
/// </remarks>
internal abstract class ProcessStdio : IAsyncDisposable
{
    /// <summary>Descriptors 0 to 2 of the runsc command; null stands for /dev/null.</summary>
    public abstract IReadOnlyList<Descriptor?> Descriptors { get; }

    /// <summary>The socket to which runsc sends the terminal; null: no terminal.</summary>
    public abstract string? ConsoleSocket { get; }

    /// <summary>The runsc command has the streams: closes the shim's copies, or receives the terminal.</summary>
    /// <exception cref="IOException">The terminal did not arrive.</exception>
    public abstract Task HandedOverAsync();

    /// <summary>Ends the input: the process reads what was written, then the end of file.</summary>
    public abstract void CloseStdin();

    /// <summary>Sets the terminal's size; does nothing without a terminal.</summary>
    public abstract void Resize(int columns, int rows);

    /// <summary>The process has ended: readers get the remaining output, then the end of file.</summary>
    public abstract void ProcessEnded();

    /// <summary>Closes everything, in bounded time even if nobody reads.</summary>
    public abstract ValueTask DisposeAsync();
}
