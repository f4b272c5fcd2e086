using System.Diagnostics;
using System.Reflection;

namespace Fuzz;

/// <summary>Each target on its corpus and on some seconds of changed inputs, without instrumentation.</summary>
public sealed class TargetTests
{
    private static readonly TimeSpan s_time = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan s_slow = TimeSpan.FromSeconds(2);

    public static TheoryData<string> Names => [.. Target.All.Select(static target => target.Name)];

    [Theory, MemberData(nameof(Names))]
    public void No_input_is_a_finding(string name)
    {
        Target target = Target.Find(name);
        List<byte[]> corpus = [.. Directory.GetFiles(CorpusOf(name)).Order(StringComparer.Ordinal)
            .Select(File.ReadAllBytes)];
        Assert.NotEmpty(corpus);
        int seed = Environment.TickCount;
        var mutator = new Mutator(seed);
        var clock = Stopwatch.StartNew();
        foreach (byte[] input in corpus)
            Run(target, input, seed);
        while (clock.Elapsed < s_time)
            Run(target, mutator.Mutate(mutator.Pick(corpus), mutator.Pick(corpus)), seed);
    }

    private static void Run(Target target, byte[] input, int seed)
    {
        try
        {
            long start = Stopwatch.GetTimestamp();
            target.Run(input);
            Assert.True(Stopwatch.GetElapsedTime(start) < s_slow, "an input takes long");
        }
        catch (Exception e)
        {
            string file = Path.Combine(Path.GetTempPath(), $"fuzz-{target.Name}-{Guid.NewGuid():N}");
            File.WriteAllBytes(file, input);
            throw new InvariantException(
                $"seed {seed}; replay with: dotnet run --project tests/Fuzz -- replay {target.Name} {file}\n{e}");
        }
    }

    private static string CorpusOf(string name) => Path.Combine(Root(), "tests/Fuzz/corpus", name);

    private static string Root()
    {
        string? directory = Path.GetDirectoryName(Assembly.GetExecutingAssembly().Location);
        while (!File.Exists(Path.Combine(directory!, "Shim.sln")))
            directory = Path.GetDirectoryName(directory);
        return directory!;
    }
}
