using System.Diagnostics;
using SharpFuzz;
using Xunit.Runner.InProc.SystemConsole;

namespace Fuzz;

/// <summary>
/// <code>
///  Fuzz instrument DIRECTORY   prepares the assemblies in a copy of this program for a fuzzer
///  Fuzz run TARGET             runs a target under afl-fuzz
///  Fuzz replay TARGET FILE…    runs a target on inputs, such as a finding
///  Fuzz                        the tests: each target for some seconds, without a fuzzer
/// </code>
/// </summary>
internal static class Program
{
    private static readonly string[] s_assemblies = ["containerd-shim-runsc-v1.dll", "Ttrpc.dll", "Tomlyn.dll"];

    private static async Task<int> Main(string[] args)
    {
        switch (args)
        {
            case ["instrument", var directory]:
                foreach (string assembly in s_assemblies)
                    Fuzzer.Instrument(Path.Combine(directory, assembly), static _ => true, Options.Value);
                return 0;
            case ["run", var target]:
                Target.OnSmallStack(() => Fuzz(Target.Find(target)));
                return 0;
            case ["replay", var target, .. var files]:
                Target.OnSmallStack(() => Replay(Target.Find(target), files));
                return 0;
            default:
                return await ConsoleRunner.Run(args);
        }
    }

    private static void Fuzz(Target target) => Fuzzer.Run(stream =>
    {
        using MemoryStream input = new();
        stream.CopyTo(input);
        target.Run(input.ToArray());
    });

    private static void Replay(Target target, string[] files)
    {
        foreach (string file in files)
        {
            var clock = Stopwatch.StartNew();
            target.Run(File.ReadAllBytes(file));
            Console.WriteLine($"{file}: fine, {clock.Elapsed.TotalMilliseconds:0.0} ms");
        }
    }
}
