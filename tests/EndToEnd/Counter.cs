using System.Globalization;
using Testing;

namespace EndToEnd;

/// <summary>A process whose memory can be seen to survive: it counts, and writes the count to a file.</summary>
internal static class Counter
{
    /// <summary>
    /// A count that a process started afresh has not reached when it is first looked at: it takes some three seconds.
    /// </summary>
    public const int Far = 150;

    /// <summary>A shell's command.</summary>
    public const string Script = "i=0; while :; do i=$((i+1)); echo $i > /tmp/n; sleep 0.02; done";

    /// <summary>
    /// Waits until the count of a container of containerd is above <paramref name="least"/>, and returns it.
    /// </summary>
    public static Task<int> AboveAsync(Daemon daemon, string id, int least) => UntilAboveAsync(least, async () =>
        (await daemon.CtrAsync("tasks", "exec", "--exec-id", $"n{Guid.NewGuid():N}", id, "cat", "/tmp/n")).Output);

    /// <summary>The same of a shim on its own.</summary>
    public static Task<int> AboveAsync(ShimHarness shim, string id, int least) => UntilAboveAsync(least, async () =>
        (await Command.RunAsync(Tools.Runsc,
            ["--root", Path.Combine(shim.RunscRoot, "test"), "exec", id + "+", "cat", "/tmp/n"])).Output);

    /// <summary>The same of a pod's container.</summary>
    public static Task<int> AboveAsync(PodContainer container, int least, string file = "/tmp/n") =>
        UntilAboveAsync(least, async () => (await container.ExecAsync("cat", file)).Output);

    public static async Task<int> UntilAboveAsync(int least, Func<Task<string>> read)
    {
        int count = 0;
        await Eventually.TrueAsync($"the counter is above {least}", async () =>
            int.TryParse(await read(), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out count)
                && count > least);
        return count;
    }
}
