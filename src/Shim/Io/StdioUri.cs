namespace Shim.Io;

/// <summary>What one of a container's standard streams is connected to.</summary>
internal enum StdioKind
{
    /// <summary>Nothing: /dev/null.</summary>
    Null,

    /// <summary>A FIFO, or another file that exists.</summary>
    Path,

    /// <summary>A file to which output is appended (<c>file:</c>).</summary>
    File,

    /// <summary>A logging program, ready when it closes its ready pipe or writes to it (<c>binary:</c>).</summary>
    Binary,

    /// <summary>A logging program, ready when it writes to the pipe (<c>binary-v2:</c>, containerd 2.3).</summary>
    BinaryV2,
}

/// <summary>One of the stdio strings of a Create or Exec request, parsed.</summary>
/// <param name="Kind">What it names.</param>
/// <param name="Path">The FIFO, file or program; empty for <see cref="StdioKind.Null"/>.</param>
/// <param name="Arguments">The program's arguments: key, value, key, value.</param>
internal sealed record StdioUri(StdioKind Kind, string Path, IReadOnlyList<string> Arguments)
{
    private static readonly StdioUri s_null = new(StdioKind.Null, "", []);

    /// <summary>Parses <paramref name="text"/>: a path, a URI, or nothing.</summary>
    /// <exception cref="FormatException">
    /// Its scheme is unknown, its path is not absolute, or something contains a NUL, which no program can be given.
    /// </exception>
    public static StdioUri Parse(string text)
    {
        if (text.Length == 0)
            return s_null;
        int colon = text.IndexOf("://", StringComparison.Ordinal);
        if (colon < 0)
            return new StdioUri(StdioKind.Path, Absolute(text, text), []);
        StdioKind kind = text[..colon] switch
        {
            "fifo" => StdioKind.Path,
            "file" => StdioKind.File,
            "binary" => StdioKind.Binary,
            "binary-v2" => StdioKind.BinaryV2,
            string scheme => throw new FormatException($"stdio {Shown(text)}: unknown scheme {scheme.Short()}"),
        };
        string rest = text[(colon + 3)..];
        int query = rest.IndexOf('?', StringComparison.Ordinal);
        string path = Uri.UnescapeDataString(query < 0 ? rest : rest[..query]);
        List<string> arguments = query < 0 ? [] : ParseQuery(rest[(query + 1)..]);
        foreach (string argument in arguments)
            if (argument.Contains('\0'))
                throw new FormatException($"stdio {Shown(text)}: an argument contains a NUL");
        return new StdioUri(kind, Absolute(path, text), arguments);
    }

    private static string Absolute(string path, string text)
    {
        if (!path.StartsWith('/'))
            throw new FormatException($"stdio {Shown(text)}: the path is not absolute");
        return path.Contains('\0')
            ? throw new FormatException($"stdio {Shown(text)}: the path contains a NUL") : path;
    }

    /// <summary>The text without its query, in which a logging program may be given a password.</summary>
    private static string Shown(string text)
    {
        int query = text.IndexOf('?', StringComparison.Ordinal);
        return (query < 0 ? text : text[..query]).Short();
    }

    /// <summary>If a key occurs more than once, its first value applies.</summary>
    private static List<string> ParseQuery(string query)
    {
        List<string> arguments = [];
        var keys = new HashSet<string>(StringComparer.Ordinal);
        foreach (string pair in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            string key = Decode(equals < 0 ? pair : pair[..equals]);
            if (keys.Add(key))
                arguments.AddRange([key, equals < 0 ? "" : Decode(pair[(equals + 1)..])]);
        }
        return arguments;
    }

    private static string Decode(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));
}
