namespace Linux;

/// <summary>
/// Shortens overlay options. The kernel takes one page of them (copy_mount_options), and an image with many layers
/// needs more, since every lower directory is a long path. They have a common directory, so relative paths work if the
/// mount is made from there.
/// </summary>
internal static class OverlayOptions
{
    private const string LowerKey = "lowerdir=";

    /// <summary>Makes the lower directories relative to their longest common directory.</summary>
    /// <param name="data">The options, joined by commas.</param>
    /// <returns>The directory to mount from and the shorter options, or null if there is no common directory but the
    /// root.</returns>
    internal static (string Directory, string Data)? Compact(string data)
    {
        string[] options = data.Split(',');
        int index = Array.FindIndex(options, option => option.StartsWith(LowerKey, StringComparison.Ordinal));
        if (index < 0)
            return null;
        string lower = options[index][LowerKey.Length..];
        string[] directories = lower.Split(':');
        // An escaped colon would be split, and an empty entry (data-only layers, `::`) has no directory.
        if (lower.Contains('\\') || !Array.TrueForAll(directories, d => d.StartsWith('/')))
            return null;
        string common = CommonDirectory(directories);
        if (common.Length == 0)
            return null;
        for (int i = 0; i < directories.Length; i++)
            directories[i] = directories[i][(common.Length + 1)..];
        options[index] = LowerKey + string.Join(':', directories);
        return (common, string.Join(',', options));
    }

    /// <summary>The longest path that is a proper ancestor of all, without a trailing slash.</summary>
    private static string CommonDirectory(string[] paths)
    {
        ReadOnlySpan<char> common = paths[0].AsSpan(0, paths[0].LastIndexOf('/'));
        foreach (string path in paths)
        {
            ReadOnlySpan<char> directory = path.AsSpan(0, path.LastIndexOf('/') + 1);
            while (common.Length > 0 && !(directory.StartsWith(common) && directory[common.Length] == '/'))
                common = common[..common.LastIndexOf('/')];
        }
        return common.ToString();
    }
}
