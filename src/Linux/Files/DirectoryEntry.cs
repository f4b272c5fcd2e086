namespace Linux;

/// <summary>An entry of a directory.</summary>
/// <param name="Name">Its name; bytes that are no UTF-8 come out as replacement characters.</param>
/// <param name="IsDirectory">Whether it is a directory, and not a link to one.</param>
/// <param name="IsRegular">Whether it is a plain file.</param>
public readonly record struct DirectoryEntry(string Name, bool IsDirectory, bool IsRegular);
