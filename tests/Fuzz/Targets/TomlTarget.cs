using System.Text;
using Shim.Configuration;

namespace Fuzz;

/// <summary>The shim's configuration.</summary>
internal static class TomlTarget
{
    public static void Run(byte[] input)
    {
        try
        {
            ShimConfiguration configuration = ConfigurationFile.Parse(Encoding.UTF8.GetString(input), "fuzz.toml", []);
            _ = configuration.LogFileOf("web");
        }
        catch (ConfigurationException e)
        {
            Target.Require(e.Message.StartsWith("fuzz.toml:", StringComparison.Ordinal), "an error names the file");
        }
    }
}
