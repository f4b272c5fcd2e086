using System.Diagnostics;
using System.Globalization;
using Linux;
using Testing;

namespace Benchmarks;

/// <summary>One run: its files, its results, and what has to be cleaned up after it.</summary>
internal sealed class Session : IAsyncDisposable
{
    private readonly EventSink _events;
    private int _ids;

    public Session(BenchmarkOptions options, CancellationToken cancellation)
    {
        Options = options;
        Cancellation = cancellation;
        Directory = System.IO.Directory.CreateTempSubdirectory("shim-bench-").FullName;
        _events = new EventSink(TtrpcAddress) { Keeps = false };
    }

    public BenchmarkOptions Options { get; }

    public Report Report { get; } = new();

    /// <summary>Requested by Ctrl-C.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>Everything lies below it, and the command lines of what is started name it.</summary>
    public string Directory { get; }

    /// <summary>Where shims take their events.</summary>
    public string TtrpcAddress => Path.Combine(Directory, "containerd.ttrpc");

    /// <summary>How often: fewer times for a check that the benchmark works.</summary>
    public int Times(int full, int @short) => Options.Short ? @short : full;

    /// <summary>An id that nothing else has, as containers' cgroups are the whole machine's.</summary>
    public string NewId() => string.Create(CultureInfo.InvariantCulture, $"bench{Environment.ProcessId}-{++_ids}");

    /// <summary>Says what is going on. Not on standard output: that is the table's.</summary>
    public static void Say(string what) => Console.Error.WriteLine($"    {what}");

    /// <summary>How long something takes, in milliseconds.</summary>
    public static async Task<double> TimeAsync(Func<Task> act)
    {
        long begin = Stopwatch.GetTimestamp();
        await act();
        return Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
    }

    /// <summary>
    /// Ends everything that was started and removes everything that was made, whatever happened before.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        await Eventually.TrueAsync($"processes of {Directory} are gone", () =>
        {
            IReadOnlyList<int> left = [.. Processes.Mentioning(Directory), .. ContainerCgroups.Processes()];
            foreach (int pid in left)
                Signals.Send(pid, Signals.SIGKILL);
            return left.Count == 0;
        });
        await _events.DisposeAsync();
        Mounts.UnmountAll(Directory);
        await Eventually.TrueAsync("cgroups are removed", ContainerCgroups.TryRemove);
        System.IO.Directory.Delete(Directory, recursive: true);
    }
}
