using System.Runtime.InteropServices;
using Linux;
using Shim.Configuration;
using Shim.Runsc;

namespace Shim.Commands;

/// <summary><c>-v</c>: prints the versions of the shim and of the runsc that it would use.</summary>
internal static class VersionCommand
{
    public static int Run(string program)
    {
        StandardStreams.WriteLine($"{program}:");
        StandardStreams.WriteLine($"  Version:  {ShimVersion.Number}");
        StandardStreams.WriteLine($"  Revision: {ShimVersion.Commit}");
        StandardStreams.WriteLine("  ttrpc:    1.2 (task service 2 and 3)");
        StandardStreams.WriteLine($"  Runtime:  {RuntimeInformation.FrameworkDescription} (Native AOT)");
        StandardStreams.WriteLine($"  runsc:    {Runsc()}");
        return 0;
    }

    private static string Runsc()
    {
        try
        {
            ShimConfiguration configuration = ConfigurationFile.ReadDefault([]);
            return $"{configuration.BinaryName} ({RunscVersion.Read(configuration.BinaryName)})";
        }
        catch (Exception e) when (e is ConfigurationException or RunscException or LinuxException)
        {
            return e.Message;
        }
    }
}
