using Testing;

namespace Benchmarks;

/// <summary>runsc without any shim, with the flags that the shim gives it.</summary>
internal static class RawRunsc
{
    /// <summary>The program and what comes before its command.</summary>
    public static string[] Global(string bundle, string root) =>
        [Tools.Runsc, $"--root={root}", $"--log={Path.Combine(bundle, "runsc.log")}", "--log-format=json",
            "--network=none"];

    /// <summary>A container from its beginning to its end.</summary>
    public static string[] Run(string bundle, string root, string id) =>
        [.. Global(bundle, root), "run", "--bundle", bundle, id];
}
