namespace Linux;

/// <summary>Splits paths.</summary>
internal static class PathParts
{
    /// <summary>The directory and the last component; trailing slashes are ignored.</summary>
    internal static (string Parent, string Name) Split(string path)
    {
        string trimmed = path.Length > 1 ? path.TrimEnd('/') : path;
        int slash = trimmed.LastIndexOf('/');
        string parent = slash switch { < 0 => ".", 0 => "/", _ => trimmed[..slash] };
        return (parent, trimmed[(slash + 1)..]);
    }

    /// <summary>The components of a path that must stay inside of a directory.</summary>
    /// <exception cref="LinuxException">A component is "..".</exception>
    internal static List<string> ComponentsInside(string path, string call)
    {
        List<string> components = [];
        foreach (string component in path.Split('/'))
        {
            if (component is "" or ".")
                continue;
            if (component is "..")
                throw new LinuxException(Errno.EINVAL, call, path, "the path contains \"..\"");
            components.Add(component);
        }
        return components;
    }
}
