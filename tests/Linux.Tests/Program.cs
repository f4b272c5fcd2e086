using Linux.Tests.Peer;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

namespace Linux.Tests;

/// <summary>The test runner or, with <c>peer</c> as the first argument, one scenario in a separate process.</summary>
internal static class Program
{
    private static Task<int> Main(string[] args) => args switch
    {
        [PeerProcess.Verb, string scenario, ..] => Task.FromResult(PeerProcess.RunScenario(scenario)),
        _ when args.Contains("--server") || args.Contains("--internal-msbuild-node") =>
            TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions),
        _ => ConsoleRunner.Run(args),
    };
}
