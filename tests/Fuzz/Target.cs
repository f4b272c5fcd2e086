using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace Fuzz;

/// <summary>
/// Code that reads what a stranger wrote. An input is fine if it is read, or rejected with an exception that the code
/// documents. A finding is any other exception, a broken invariant, and too much memory, time or stack.
/// </summary>
/// <param name="Name">The name, which is also that of its directory in <c>corpus</c>.</param>
/// <param name="Read">Reads one input.</param>
internal sealed record Target(string Name, Action<byte[]> Read)
{
    // A message of ttrpc may have 4 MiB, and its target reads it three times; a byte of JSON or TOML becomes nodes of a
    // tree.
    private const long MostBytes = 16 << 20;
    private const long MostBytesPerByte = 1024;
    private const int StackBytes = 256 << 10; // that of the shim's threads for calls that block
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(2);

    /// <summary>All targets.</summary>
    public static IReadOnlyList<Target> All { get; } =
    [
        new("ttrpc", TtrpcTarget.Run),
        new("sandbox", SandboxTarget.Run),
        new("volumes", VolumesTarget.Run),
        new("images", ImagesTarget.Run),
        new("specification", SpecificationTarget.Run),
        new("runsc", RunscTarget.Run),
        new("toml", TomlTarget.Run),
    ];

    /// <summary>Finds a target.</summary>
    /// <exception cref="ArgumentException">There is none of this name.</exception>
    public static Target Find(string name)
    {
        foreach (Target target in All)
            if (target.Name == name)
                return target;
        throw new ArgumentException(
            $"unknown target {name}; there are {string.Join(", ", All.Select(static target => target.Name))}");
    }

    /// <summary>Runs it on one input; throws if that is a finding.</summary>
    public void Run(byte[] input)
    {
        long bytes = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        Read(input);
        bytes = GC.GetAllocatedBytesForCurrentThread() - bytes;
        Require(bytes <= MostBytes + MostBytesPerByte * input.Length,
            $"memory is bounded: {bytes} bytes were allocated for an input of {input.Length}");
        // The time of the processor, because others may use it meanwhile.
        if (Stopwatch.GetElapsedTime(start) > s_longest)
            Require(Environment.CpuUsage.TotalTime - cpu <= s_longest, $"time is bounded: {s_longest.TotalSeconds} s");
    }

    /// <summary>Fails if an invariant is broken.</summary>
    /// <param name="holds">Whether it holds.</param>
    /// <param name="invariant">It in words.</param>
    public static void Require(bool holds, string invariant)
    {
        if (!holds)
            throw new InvariantException(invariant);
    }

    /// <summary>Runs something on a stack that is as small as one in the shim.</summary>
    public static void OnSmallStack(Action run)
    {
        ExceptionDispatchInfo? thrown = null;
        var thread = new Thread(() =>
        {
            try
            {
                run();
            }
            catch (Exception e)
            {
                thrown = ExceptionDispatchInfo.Capture(e);
            }
        }, StackBytes);
        thread.Start();
        thread.Join();
        thrown?.Throw();
    }
}

/// <summary>A broken invariant.</summary>
internal sealed class InvariantException(string invariant) : Exception(invariant);
