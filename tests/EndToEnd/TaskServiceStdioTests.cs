using Containerd.Api.Tasks;
using Grpc.Core;
using Testing;
using static EndToEnd.TaskServiceTests;
using Task = System.Threading.Tasks.Task;
using TaskApi = Containerd.Api.Tasks.Task;

namespace EndToEnd;

/// <summary>Log files and terminals, with the test in containerd's place and a real runsc.</summary>
public class TaskServiceStdioTests
{
    [Fact]
    public async Task Create_rejects_a_FIFO_as_a_log_file()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        string fifo = Path.Combine(shim.Directory, "nobody-reads");
        NativeCalls.CreateFifo(fifo);
        RpcException refused = await AssertCodeAsync(StatusCode.Unknown, shim.Tasks.CreateAsync(
            new CreateTaskRequest
            {
                Id = "c",
                Bundle = shim.Bundle,
                Options = shim.Options,
                Stdout = $"file://{fifo}"
            }));
        Assert.Contains("FIFO", refused.Status.Detail, StringComparison.Ordinal);
        await CreateAsync(shim);
    }

    [Fact]
    public async Task Terminal_output_waits_for_a_slow_reader_and_invalid_sizes_are_rejected()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        TaskApi.TaskClient tasks = shim.Tasks;
        string output = Path.Combine(shim.Directory, "out");
        NativeCalls.CreateFifo(output);
        shim.WriteBundle("c", ["sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done; echo the end"],
            spec =>
            spec["process"]!["terminal"] = true);
        using Linux.Descriptor keptOpen = Linux.Fifo.OpenBoth(output);
        await tasks.CreateAsync(new CreateTaskRequest
        {
            Id = "c",
            Bundle = shim.Bundle,
            Options = shim.Options,
            Terminal = true,
            Stdout = output
        });
        await AssertCodeAsync(StatusCode.InvalidArgument,
            tasks.ResizePtyAsync(new ResizePtyRequest { Id = "c", Width = 70000, Height = 10 }));
        await tasks.StartAsync(new StartRequest { Id = "c" });
        using FileStream reader = new(output, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        keptOpen.Dispose();
        var text = new System.Text.StringBuilder();
        byte[] buffer = new byte[4096];
        // Slower than the process writes, and slow after its end too.
        while (await reader.ReadAsync(buffer) is > 0 and int count)
        {
            text.Append(System.Text.Encoding.UTF8.GetString(buffer, 0, count));
            if (text.Length % 3 == 0)
                await Task.Delay(130);
        }
        Assert.EndsWith("19999\r\nthe end\r\n", text.ToString(), StringComparison.Ordinal);
        Assert.Equal(0u, (await tasks.WaitAsync(new WaitRequest { Id = "c" })).ExitStatus);
    }
}
