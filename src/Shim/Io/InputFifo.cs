using Linux;

namespace Shim.Io;

/// <summary>Opens the FIFO that a container reads as its standard input.</summary>
/// <remarks>
/// The shim's end is a writer that never writes: while it is open, the process sees no end of its input when a client
/// detaches.
/// </remarks>
internal static class InputFifo
{
    /// <summary>Opens the FIFO.</summary>
    /// <returns>The shim's end, and the container's: read-only and blocking.</returns>
    /// <exception cref="LinuxException">It cannot be opened.</exception>
    public static (Descriptor KeptOpen, Descriptor Container) Open(string path)
    {
        // While this is open for both, neither of the other two opens waits for its counterpart.
        using Descriptor both = Fifo.OpenBoth(path);
        Descriptor kept = Fifo.OpenWrite(path);
        try
        {
            return (kept, Descriptor.Open(path, OpenFlags.O_RDONLY));
        }
        catch
        {
            kept.Dispose();
            throw;
        }
    }
}
