using Linux;

namespace Shim.Io;

/// <summary>The standard streams of one process in a sandbox, from before it is made until it is deleted.</summary>
/// <remarks>
/// The order of calls is: <see cref="Descriptors"/> and <see cref="ConsoleSocket"/> go to the runsc command that takes
/// them; <see cref="HandedOverAsync"/> when that command has succeeded; <see cref="ProcessEnded"/> when the process
/// has; <see cref="DisposeAsync"/> when it is deleted, or instead of any of these.
/// </remarks>
internal abstract class ProcessStdio : IAsyncDisposable
{
    /// <summary>Descriptors 0 to 2 of the runsc command; null stands for /dev/null.</summary>
    public abstract IReadOnlyList<Descriptor?> Descriptors { get; }

    /// <summary>The socket on which runsc hands over a terminal; null: no terminal.</summary>
    public abstract string? ConsoleSocket { get; }

    /// <summary>The runsc command has taken the streams: closes this process's copies, or takes the terminal.</summary>
    /// <exception cref="IOException">The terminal did not come.</exception>
    public abstract Task HandedOverAsync();

    /// <summary>No more input: the process reads the end once it has read what was written.</summary>
    public abstract void CloseStdin();

    /// <summary>Sets the terminal's size; without a terminal, nothing.</summary>
    public abstract void Resize(int columns, int rows);

    /// <summary>The process has ended: readers get what is left, then the end.</summary>
    public abstract void ProcessEnded();

    /// <summary>Closes everything; bounded, whoever reads or does not.</summary>
    public abstract ValueTask DisposeAsync();
}
