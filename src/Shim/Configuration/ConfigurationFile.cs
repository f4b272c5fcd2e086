using Linux;

namespace Shim.Configuration;

/// <summary>Finds and reads the shim's configuration.</summary>
internal static class ConfigurationFile
{
    /// <summary>The files that are tried if containerd names none; the first that exists applies.</summary>
    public static IReadOnlyList<string> DefaultPaths { get; } =
    [
        "/run/containerd/runsc/config.toml",
        "/etc/containerd/runsc/config.toml",
        "/etc/containerd/runsc.toml",
    ];

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="warnings">Gets a sentence for each unknown key or table.</param>
    /// <exception cref="ConfigurationException">
    /// The file cannot be read, is not TOML, or a value has the wrong type.
    /// </exception>
    public static ShimConfiguration Read(string path, ICollection<string> warnings)
    {
        string text;
        try
        {
            if (Fifo.Is(path))
                throw new ConfigurationException($"cannot read shim configuration {path}: it is a FIFO, not a file");
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"cannot read shim configuration {path}: {e.Message}", e);
        }
        return Parse(text, path, warnings);
    }

    /// <summary>
    /// Reads the first of <see cref="DefaultPaths"/> that exists; if there is none, the defaults apply.
    /// </summary>
    /// <inheritdoc cref="Read"/>
    public static ShimConfiguration ReadDefault(ICollection<string> warnings)
    {
        foreach (string path in DefaultPaths)
            if (File.Exists(path))
                return Read(path, warnings);
        return ShimConfiguration.Default;
    }

    /// <summary>Parses TOML.</summary>
    /// <param name="text">The TOML.</param>
    /// <param name="source">Its name in messages.</param>
    /// <param name="warnings">Gets a sentence for each unknown key or table.</param>
    /// <exception cref="ConfigurationException">It is not TOML, or a value has the wrong type.</exception>
    public static ShimConfiguration Parse(string text, string source, ICollection<string> warnings) =>
        new ConfigurationReader(source, warnings).Read(text);
}
