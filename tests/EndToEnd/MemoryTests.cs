using System.Globalization;
using System.Text.RegularExpressions;
using Containerd.Api.Tasks;
using Testing;
using Task = System.Threading.Tasks.Task;

namespace EndToEnd;

/// <summary>The memory that calls and events cost the shim: little, and all of it is given back.</summary>
public class MemoryTests
{
    /// <summary>State and Connect take two buffers and some tasks, however fast the machine is.</summary>
    private const long BytesForAnAnswer = 4 << 10;

    /// <summary>The same with the sandbox's own answer in between.</summary>
    private const long BytesForAQuestion = 16 << 10;

    /// <summary>With its bytes on the wire, and those that wait to be sent.</summary>
    private const long BytesForAnEvent = 4 << 10;

    private const long KilobytesOfNoise = 512;

    [Fact]
    public async Task An_answer_costs_few_bytes_and_keeps_none()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        HarnessPod pod = new(shim, "pod");
        await pod.RunAsync("a");
        string a = pod.IdOf("a");
        (string What, Func<Task> Ask, long Bytes)[] questions =
        [
            ("Connect", async () => await shim.Tasks.ConnectAsync(new ConnectRequest { Id = a }), BytesForAnAnswer),
            ("State", async () => await shim.Tasks.StateAsync(new StateRequest { Id = a }), BytesForAnAnswer),
            ("Pids", async () => await shim.Tasks.PidsAsync(new PidsRequest { Id = a }), BytesForAQuestion),
            ("Stats", async () => await shim.Tasks.StatsAsync(new StatsRequest { Id = a }), BytesForAQuestion),
        ];
        await AskAllAsync(); // for what is made once
        await AskAllAsync();
        long resident = Anonymous(shim);
        await AskAllAsync();
        Assert.InRange(Anonymous(shim), 0, resident + KilobytesOfNoise);
        await pod.RemoveAsync();

        async Task AskAllAsync()
        {
            foreach ((string what, Func<Task> ask, long bytes) in questions)
            {
                const int Calls = 500;
                long before = await AllocatedAsync(shim);
                for (int i = 0; i < Calls; i++)
                    await ask();
                long each = (await AllocatedAsync(shim) - before) / Calls;
                TestContext.Current.SendDiagnosticMessage("{0}: {1} bytes a call", what, each);
                Assert.True(each <= bytes, $"{what}: {each} bytes a call");
            }
        }
    }

    /// <summary>An exec that is added and deleted is two events, and starts no process.</summary>
    [Fact]
    public async Task An_event_costs_the_same_after_thousands_as_at_first()
    {
        const int Pairs = 500;
        await using ShimHarness shim = await ShimHarness.StartAsync();
        HarnessPod pod = new(shim, "pod");
        await pod.RunAsync("a");
        string a = pod.IdOf("a");
        await PairsAsync(Pairs); // for what is made once
        long first = await BytesAsync(Pairs), resident = Anonymous(shim);
        await PairsAsync(5 * Pairs);
        long last = await BytesAsync(Pairs);
        TestContext.Current.SendDiagnosticMessage("two events: {0} bytes, and {1} after thousands", first, last);
        // An event that waits for a busy receiver costs a little more; a leak would cost many times as much.
        Assert.InRange(last, 0, first * 3 / 2);
        Assert.InRange(last, 0, 2 * BytesForAnAnswer + 2 * BytesForAnEvent);
        Assert.InRange(Anonymous(shim), 0, resident + KilobytesOfNoise);
        await Eventually.TrueAsync("all events have arrived",
            () => shim.Events.Count(static e => e.Topic == "/tasks/exec-added") == 8 * Pairs);
        await pod.RemoveAsync();

        async Task PairsAsync(int count)
        {
            for (int i = 0; i < count; i++)
            {
                await shim.ExecAsync(a, "e", "true");
                await shim.Tasks.DeleteAsync(new DeleteRequest { Id = a, ExecId = "e" });
            }
        }
        async Task<long> BytesAsync(int count)
        {
            long before = await AllocatedAsync(shim);
            await PairsAsync(count);
            return (await AllocatedAsync(shim) - before) / count;
        }
    }

    /// <summary>The anonymous memory in KiB.</summary>
    private static long Anonymous(ShimHarness shim) => ProcessFacts.StatusNumber(shim.Pid, "RssAnon");

    /// <summary>The bytes that the shim has allocated since it started, by its own account.</summary>
    private static async Task<long> AllocatedAsync(ShimHarness shim)
    {
        Regex line = new("([0-9]+) bytes allocated since start");
        int count = line.Count(shim.Log);
        Linux.Signals.Send(shim.Pid, Linux.Signals.SIGUSR1);
        await Eventually.TrueAsync("the shim logs its state", () => line.Count(shim.Log) > count);
        return long.Parse(line.Matches(shim.Log)[^1].Groups[1].Value, CultureInfo.InvariantCulture);
    }
}
