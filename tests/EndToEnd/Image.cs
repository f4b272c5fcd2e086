namespace EndToEnd;

/// <summary>An image of a sandbox, as the shim leaves it.</summary>
internal static class Image
{
    /// <summary>
    /// Requires that an image is complete and flat, and that nothing else is beside it. runsc decides which files of
    /// pages there are, and their names.
    /// </summary>
    /// <returns>The names of its files.</returns>
    public static string[] AssertComplete(string directory)
    {
        string[] names =
            [.. Directory.EnumerateFileSystemEntries(directory).Select(static path => Path.GetFileName(path)!)];
        Assert.Contains("checkpoint.img", names);
        Assert.Contains("shim.json", names);
        Assert.All(names, static name => Assert.Matches(@"^(shim\.json|[a-z_]+\.img)$", name));
        Assert.Empty(Directory.EnumerateDirectories(directory));
        return names;
    }
}
