using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Microsoft.Win32.SafeHandles;

namespace Fuzz;

/// <summary>Each target on its corpus and on some seconds of changed inputs, without instrumentation.</summary>
/// <remarks>
/// The input is in a file while the target reads it, because nothing else can tell which one overflowed the stack.
/// <c>FUZZ_SEED</c> repeats a run, <c>FUZZ_SECONDS</c> makes it longer.
/// </remarks>
public sealed class TargetTests
{
    private static readonly TimeSpan s_hang = TimeSpan.FromMinutes(1);

    public static TheoryData<string> Names => [.. Target.All.Select(static target => target.Name)];

    [Theory, MemberData(nameof(Names))]
    public void No_input_is_a_finding(string name)
    {
        Target target = Target.Find(name);
        List<byte[]> corpus = [.. Directory.GetFiles(Path.Combine(Root(), "corpus", name))
            .Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
        Assert.NotEmpty(corpus);
        int seed = Setting("FUZZ_SEED") ?? Environment.TickCount;
        var time = TimeSpan.FromSeconds(Setting("FUZZ_SECONDS") ?? 4);
        var mutator = new Mutator(seed, Tokens.Read(Path.Combine(Root(), "tokens", name)));
        string file = Path.Combine(Path.GetTempPath(), $"fuzz-{name}-{seed}");
        string replay = $"dotnet run --project tests/Fuzz -- replay {name} {file}";
        Console.WriteLine($"{name}: seed {seed}; if this does not end, {replay}");
        using var watchdog = new Timer(_ => Environment.FailFast($"{name}: an input takes too long: {replay}"));
        Target.OnSmallStack(() =>
        {
            using SafeFileHandle current = File.OpenHandle(file, FileMode.Create, FileAccess.Write);
            try
            {
                var clock = Stopwatch.StartNew();
                foreach (byte[] input in corpus)
                    Run(input);
                while (clock.Elapsed < time)
                    Run(mutator.Mutate(mutator.Pick(corpus), mutator.Pick(corpus)));
            }
            catch (Exception e)
            {
                throw new InvariantException($"seed {seed}; {replay}\n{e}");
            }

            void Run(byte[] input)
            {
                RandomAccess.SetLength(current, input.Length);
                RandomAccess.Write(current, input, 0);
                watchdog.Change(s_hang, Timeout.InfiniteTimeSpan);
                target.Run(input);
            }
        });
        File.Delete(file);
    }

    private static int? Setting(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value)
            ? value : null;

    private static string Root()
    {
        string? directory = Path.GetDirectoryName(Assembly.GetExecutingAssembly().Location);
        while (!File.Exists(Path.Combine(directory!, "Shim.sln")))
            directory = Path.GetDirectoryName(directory);
        return Path.Combine(directory!, "tests/Fuzz");
    }
}
