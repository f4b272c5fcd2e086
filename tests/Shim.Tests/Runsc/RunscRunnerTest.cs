using Shim.Runsc;
using Shim.Tests.Support;

namespace Shim.Tests.Runsc;

/// <summary>A runner of a scripted runsc, with a log file.</summary>
internal sealed class RunscRunnerTest(TestShim shim)
{
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    public TestShim Shim { get; } = shim;

    public ScriptedRunsc Runsc => Shim.Runsc;

    public string Log => Shim.Directory["log.json"];

    public string PidFile => Shim.Directory["pid"];

    public RunscRunner Runner { get; } = new(shim.Runsc, shim.Time, new RunscSettings
    {
        Binary = "/opt/runsc",
        Root = shim.RunscRoot,
        Flags = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["network"] = "none" },
    });

    public static void Run(Func<RunscRunnerTest, Task> body) => TestShim.Run(shim => body(new RunscRunnerTest(shim)));

    /// <summary>Runs a command whose output is not a container's.</summary>
    public Task<byte[]> RunAsync(params List<string> arguments) => Runner.RunAsync(arguments, Log, Bound);

    /// <summary>Runs a command whose streams are a container's.</summary>
    public Task RunForContainerAsync(params List<string> arguments) => Runner.RunAsync(arguments, Log, Bound, []);

    /// <summary>The failure of a command that is run.</summary>
    public static async Task<RunscException> FailureAsync(Task command, RunscFailure failure, params string[] words)
    {
        RunscException e = await Assert.ThrowsAsync<RunscException>(() => command);
        Assert.Equal(failure, e.Failure);
        Assert.All(words, word => Assert.Contains(word, e.Message, StringComparison.Ordinal));
        return e;
    }
}
