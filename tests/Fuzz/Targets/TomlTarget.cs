using System.Text;
using Shim.Configuration;

namespace Fuzz;

/// <summary>The shim's configuration.</summary>
internal static class TomlTarget
{
    private const string Source = "fuzz.toml";

    public static void Run(byte[] input)
    {
        List<string> warnings = [];
        try
        {
            ShimConfiguration configuration = ConfigurationFile.Parse(Encoding.UTF8.GetString(input), Source, warnings);
            _ = configuration.LogFileOf("web");
            Target.Require(configuration.Root.StartsWith('/') && configuration.KubeletRoot.StartsWith('/'),
                "paths are absolute");
            Target.Require(configuration.Restore.Timeout > TimeSpan.Zero, "a timeout is above 0");
            Target.Require(!configuration.RunscConfig.Any(static flag => $"{flag}".Contains('\0'))
                && !$"{configuration}".Contains('\0'), "no text has a NUL");
            Target.Require(configuration.RunscConfig.Keys.All(static flag => flag is not ("" or ['-', ..])
                && !flag.Contains('=')), "flags are names");
        }
        catch (ConfigurationException e)
        {
            RequireNamed(e.Message);
        }
        warnings.ForEach(RequireNamed);
    }

    private static void RequireNamed(string message) => Target.Require(
        message.StartsWith($"{Source}:", StringComparison.Ordinal), "a message names the file");
}
