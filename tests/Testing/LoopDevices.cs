namespace Testing;

/// <summary>The node's loop devices.</summary>
public static class LoopDevices
{
    /// <summary>Those to which a file is attached.</summary>
    public static IReadOnlyList<string> Of(string file) => [.. Directory.GetDirectories("/sys/block", "loop*")
        .Where(device => File.Exists($"{device}/loop/backing_file")
            && File.ReadAllText($"{device}/loop/backing_file").Trim() == file)];
}
