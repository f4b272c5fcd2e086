namespace Linux;

/// <summary>An entry of a directory.</summary>
/// <param name="Name">The name; bytes that are not UTF-8 become replacement characters.</param>
/// <param name="IsDirectory">Whether it is a directory; a link to one is not.</param>
/// <param name="IsRegular">Whether it is a regular file.</param>
public readonly record struct DirectoryEntry(string Name, bool IsDirectory, bool IsRegular);
