namespace Shim.Commands;

/// <summary>The shim that serves a group of containers, as its command line shows it.</summary>
/// <param name="namespace">The namespace.</param>
/// <param name="id">The sandbox's id, or the id of a container that is its own sandbox.</param>
/// <param name="address">containerd's grpc socket.</param>
internal sealed class ShimDaemon(string @namespace, string id, string address)
{
    /// <summary>Its first arguments, with which <c>start</c> starts it.</summary>
    public IReadOnlyList<string> Arguments { get; } = ["-namespace", @namespace, "-id", id, "-address", address];

    /// <summary>
    /// Whether a command line is that of the shim, or of a child of its that has not yet begun its own program: until
    /// then it has the shim's. Such a child outlives a shim that is killed, and becomes a runsc.
    /// </summary>
    /// <param name="commandLine">Its parts, separated by NUL.</param>
    public bool Is(ReadOnlySpan<char> commandLine)
    {
        // A client may give `start` and `delete` the same arguments in the same order. The shim has no action.
        ReadOnlySpan<char> line = commandLine.TrimEnd('\0');
        if (line.EndsWith("\0start") || line.EndsWith("\0delete"))
            return false;
        int next = -1; // the program itself comes first
        foreach (Range part in commandLine.Split('\0'))
        {
            if (next == Arguments.Count)
                break;
            if (next >= 0 && !commandLine[part].SequenceEqual(Arguments[next]))
                return false;
            next++;
        }
        return next == Arguments.Count;
    }
}
