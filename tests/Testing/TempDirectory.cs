namespace Testing;

/// <summary>A new private directory that is removed at the end of the test.</summary>
public sealed class TempDirectory : IDisposable
{
    /// <param name="prefix">The first part of its name.</param>
    public TempDirectory(string prefix = "shim-tests-") => Path = Directory.CreateTempSubdirectory(prefix).FullName;

    public string Path { get; }

    /// <summary>The path of a file or directory in it.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Writes a file in it.</summary>
    /// <returns>The file's path.</returns>
    public string Write(string name, string content)
    {
        File.WriteAllText(this[name], content);
        return this[name];
    }

    /// <summary>Writes a program in it that this user can run.</summary>
    /// <returns>The program's path.</returns>
    public string WriteProgram(string name, string content)
    {
        Write(name, content);
        File.SetUnixFileMode(this[name], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return this[name];
    }

    public void Dispose()
    {
        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }
}
