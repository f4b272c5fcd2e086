using Testing;

namespace EndToEnd.Model;

/// <summary>
/// containerd runs no <c>delete</c> for a shim that is killed before it has connected to it. The socket's file stays
/// until a container of the same name is created.
/// </summary>
internal static class UnknownShim
{
    /// <summary>Removes a socket on which nobody listens, if containerd was not connected to its shim.</summary>
    /// <param name="leftovers">What is left.</param>
    /// <param name="log">containerd's log of the container, <see cref="LogOf"/>.</param>
    public static void RemoveSocket(Leftovers leftovers, string log)
    {
        if (log.Contains("shim disconnected", StringComparison.Ordinal))
            return;
        foreach (Leftover left in leftovers.Found)
            if (left.Kind == "socket" && !Linux.UnixSocket.IsListening(left.Name))
                File.Delete(left.Name);
    }

    /// <summary>What containerd, and the shim through it, have logged about a container.</summary>
    /// <param name="daemon">The containerd.</param>
    /// <param name="id">The container.</param>
    /// <param name="start">From which byte of the log on.</param>
    public static string LogOf(Daemon daemon, string id, long start = 0)
    {
        using FileStream log = new(daemon.LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        log.Position = Math.Min(start, log.Length);
        using StreamReader reader = new(log);
        return string.Concat(reader.ReadToEnd().Split('\n')
            .Where(line => line.Contains(id, StringComparison.Ordinal)).Select(static line => line + "\n"));
    }
}
