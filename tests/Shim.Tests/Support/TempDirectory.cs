namespace Shim.Tests.Support;

/// <summary>A new private directory, removed at the end.</summary>
internal sealed class TempDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("shim-tests-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Makes a file in it.</summary>
    public string Write(string name, string content)
    {
        File.WriteAllText(this[name], content);
        return this[name];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
