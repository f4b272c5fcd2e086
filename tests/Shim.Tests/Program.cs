using Linux;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;
using Xunit.Sdk;
using Xunit.v3;

// Descriptors are counted and children are reaped in this process: one test at a time.
[assembly: Parallelization(Mode = ParallelMode.None)]

namespace Shim.Tests;

internal static class Program
{
    private static Task<int> Main(string[] args)
    {
        SignalSet awaited = SignalSet.Of(Signals.SIGCHLD);
        if (!SignalMask.Current.Contains(awaited))
            ProcessImage.Exec(awaited);
        return args.Contains("--server") || args.Contains("--internal-msbuild-node")
            ? TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
            : ConsoleRunner.Run(args);
    }
}
