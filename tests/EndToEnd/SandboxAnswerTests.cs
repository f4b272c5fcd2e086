using System.Text.RegularExpressions;
using Containerd.Api.Tasks;
using Grpc.Core;
using Testing;
using Status = Containerd.Api.Tasks.Status;
using Task = System.Threading.Tasks.Task;

namespace EndToEnd;

/// <summary>What a sandbox answers on its control socket, and what the shim does when the answer is wrong.</summary>
public class SandboxAnswerTests
{
    [Fact]
    public async Task Statistics_are_those_of_runsc()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        shim.WriteBundle("c", ["sh", "-c", "while :; do :; done"]);
        await shim.RunAsync("c");
        for (int i = 0; i < 5; i++)
        {
            RunscFigures before = await RunscFigures.AskAsync(shim, "c+");
            ShimFigures shims = await ShimFigures.AskAsync(shim, "c");
            RunscFigures after = await RunscFigures.AskAsync(shim, "c+");
            Assert.InRange(shims.Cpu, before.Cpu, after.Cpu);
            Assert.InRange(
                shims.Memory, Math.Min(before.Memory, after.Memory) / 2, Math.Max(before.Memory, after.Memory) * 2);
            Assert.Equal(before.Pids, shims.Pids);
            Assert.Equal("lo", shims.Network);
        }

        // In a pod each container has its share, and together they have all.
        HarnessPod pod = new(shim, "pod");
        await pod.RunAsync("a", "b");
        ulong all = 0, least = 0, most = 0;
        foreach (string id in (string[])[pod.Sandbox, pod.IdOf("a"), pod.IdOf("b")])
        {
            RunscFigures before = await RunscFigures.AskAsync(shim, id + "+");
            all += (await ShimFigures.AskAsync(shim, id)).Cpu;
            RunscFigures after = await RunscFigures.AskAsync(shim, id + "+");
            (least, most) = (least + before.Cpu, most + after.Cpu);
        }
        // The shares move between two questions, so this is not exact.
        Assert.InRange(all, least * 8 / 10, most * 12 / 10);
        await pod.RemoveAsync();
    }

    [Fact]
    public async Task After_a_nonsense_answer_commands_are_used_and_one_warning_is_logged()
    {
        await using ImpostorSocket impostor = new("c");
        await using ShimHarness shim = await ShimHarness.StartAsync(runsc: impostor.Runsc);
        impostor.Answer(shim, static _ => "{\"success\":true,\"err\":\"\",\"result\":[[\"nonsense\"]]}");
        shim.WriteBundle("c", ["sleep", "1000"],
            static spec => spec["annotations"] = PodAnnotations.OfSandbox("c").ToJson());
        shim.WriteBundle("d", ["sleep", "1000"],
            static spec => spec["annotations"] = PodAnnotations.OfContainer("c").ToJson());
        foreach (string id in (string[])["c", "d"])
            await shim.RunAsync(id);
        AsyncUnaryCall<WaitResponse> end = shim.Tasks.WaitAsync(new WaitRequest { Id = "d" });
        Assert.NotEmpty((await shim.Tasks.PidsAsync(new PidsRequest { Id = "d" })).Processes);
        await shim.Tasks.StatsAsync(new StatsRequest { Id = "c" });

        // The end of `runsc wait` is not the end of the container.
        int first = await FindWaitAsync(0);
        Linux.Signals.Send(first, Linux.Signals.SIGKILL);
        await FindWaitAsync(first);
        Assert.Equal(Status.Running, (await shim.Tasks.StateAsync(new StateRequest { Id = "d" })).Status);
        await shim.Tasks.KillAsync(new KillRequest { Id = "d", Signal = 9 });
        Assert.Equal(137u, (await end).ExitStatus);
        Assert.Single(Regex.Matches(
            shim.Log, "sandbox does not answer on its control socket; using runsc commands from now on"));
        await shim.Tasks.DeleteAsync(new DeleteRequest { Id = "d" });
        await shim.Tasks.KillAsync(new KillRequest { Id = "c", Signal = 9 });
        await shim.Tasks.WaitAsync(new WaitRequest { Id = "c" });
        await shim.Tasks.DeleteAsync(new DeleteRequest { Id = "c" });

        async Task<int> FindWaitAsync(int but)
        {
            int[] found = [];
            await Eventually.TrueAsync("runsc waits", () =>
            {
                found = [.. Processes.Mentioning(shim.RunscRoot).Where(pid => pid != but
                    && Regex.IsMatch(Processes.CommandLine(pid), "^[^ ]*runsc .* wait d\\+ $"))];
                return found.Length > 0;
            });
            return found[0];
        }
    }

    /// <summary>With a shim for each container the sandbox is another shim's child.</summary>
    [Fact]
    public async Task The_end_of_another_shims_sandbox_is_noticed_at_once()
    {
        await using ShimHarness first = await ShimHarness.StartAsync(), second = await ShimHarness.StartAsync();
        // Read at each create.
        await File.WriteAllTextAsync(Path.Combine(second.Directory, "runsc.toml"),
            "grouping = false\n" + await File.ReadAllTextAsync(Path.Combine(first.Directory, "runsc.toml")));
        // As under containerd, the bundles lie side by side.
        first.WriteBundle("c", ["sleep", "1000"],
            static spec => spec["annotations"] = PodAnnotations.OfSandbox("c").ToJson());
        first.WriteBundle("d", ["sleep", "1000"],
            static spec => spec["annotations"] = PodAnnotations.OfContainer("c").ToJson());
        await first.RunAsync("c");
        await second.RunAsync("d", first.BundleOf("d"));
        Assert.NotEmpty((await second.Tasks.PidsAsync(new PidsRequest { Id = "d" })).Processes);
        AsyncUnaryCall<WaitResponse> end = second.Tasks.WaitAsync(new WaitRequest { Id = "d" });
        await first.Tasks.KillAsync(new KillRequest { Id = "c", Signal = 9 });
        Assert.Equal(137u, (await end).ExitStatus);
        Assert.DoesNotContain("sandbox does not answer", second.Log, StringComparison.Ordinal);
        await second.Tasks.DeleteAsync(new DeleteRequest { Id = "d" });
        await first.Tasks.WaitAsync(new WaitRequest { Id = "c" });
        await first.Tasks.DeleteAsync(new DeleteRequest { Id = "c" });
    }

    [Fact]
    public async Task A_sandbox_that_claims_to_be_killed_and_lives_on_is_killed()
    {
        await using ImpostorSocket impostor = new("c");
        await using ShimHarness shim = await ShimHarness.StartAsync(runsc: impostor.Runsc);
        impostor.Answer(shim, static question => question.Contains(".Signal", StringComparison.Ordinal)
            ? "{\"success\":true,\"err\":\"\",\"result\":null}" : null);
        shim.WriteBundle("c", ["sleep", "1000"]);
        await shim.RunAsync("c");
        AsyncUnaryCall<WaitResponse> end = shim.Tasks.WaitAsync(new WaitRequest { Id = "c" });
        await shim.Tasks.KillAsync(new KillRequest { Id = "c", Signal = 15 }); // which a program may survive
        await shim.Tasks.KillAsync(new KillRequest { Id = "c", Signal = 9 });
        Assert.Equal(Status.Running, (await shim.Tasks.StateAsync(new StateRequest { Id = "c" })).Status);
        Assert.Equal(137u, (await end.ResponseAsync.WaitAsync(TimeSpan.FromSeconds(30))).ExitStatus);
        Assert.Contains("sandbox did not take SIGKILL", shim.Log, StringComparison.Ordinal);
        await shim.Tasks.DeleteAsync(new DeleteRequest { Id = "c" });
    }
}
