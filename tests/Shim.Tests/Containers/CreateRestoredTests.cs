using Shim.Bundles;
using Shim.Checkpoints;
using Shim.Containers;
using Shim.Tests.Checkpoints;
using Shim.Tests.Support;

namespace Shim.Tests.Containers;

/// <summary>The creation of a sandbox that is restored from an image.</summary>
public sealed class CreateRestoredTests
{
    [Fact]
    public void It_is_restored_by_its_start() => TestShim.Run(async shim =>
    {
        Container pod = await shim.Creator.CreateAsync(shim.Request("pod") with { Checkpoint = WriteImage(shim) });
        Assert.True(pod.Sandbox.Restore!.IsPending);
        await pod.StartAsync();
        Assert.False(pod.Sandbox.Restore.IsPending);
        // A pod's image is compared with the specification by newer releases, which the shim asks about.
        Assert.Equal(["flags", "create", "restore"], shim.Runsc.Calls.Select(static call => call.Command));
        Assert.Null(shim.Runsc.Calls[^1].Global("--restore-spec-validation"));
    });

    [Theory]
    [InlineData(null, "warning")]
    [InlineData("enforce", "enforce")]
    public void A_newer_runsc_does_not_insist_on_the_specification(string? configured, string expected) =>
        TestShim.Run(async shim =>
        {
            shim.Runsc.On("flags", static call => call.Print("  -restore-spec-validation string\n    \tx\n"));
            CreateRequest request = shim.Request("pod") with { Checkpoint = WriteImage(shim) };
            SortedDictionary<string, string> flags = new(StringComparer.Ordinal);
            if (configured is not null)
                flags["restore-spec-validation"] = configured;
            await shim.Creator.CreateAsync(
                request with { Configuration = request.Configuration with { RunscConfig = flags } });
            Assert.Equal(expected, shim.Runsc.Calls[^1].Global("--restore-spec-validation"));
            Assert.Equal(expected, BundleState.Load(request.Bundle)!.Flags["restore-spec-validation"]);
        });

    [Fact]
    public void An_image_of_another_runsc_is_refused() => TestShim.Run(async shim =>
    {
        string image = ExampleImage.Write(shim.Directory["image"],
            """{"container_count":"1","runsc_version":"release-other"}""");
        CheckpointException e = await FailAsync(shim, shim.Request("pod") with { Checkpoint = image });
        Assert.Contains("release-other", e.Message, StringComparison.Ordinal);
        Assert.Contains("release-test", e.Message, StringComparison.Ordinal);
        Assert.Equal(["--version"], shim.Runsc.Commands);
    });

    [Fact]
    public void An_image_of_several_containers_needs_a_pod() => TestShim.Run(async shim =>
    {
        CreateRequest request = shim.Request("web") with { Checkpoint = WriteImage(shim, "", "web") };
        File.WriteAllText(request.Bundle.Specification, "{}");
        await FailAsync(shim, request);
    });

    [Fact]
    public void A_pod_is_not_restored_without_grouping() => TestShim.Run(async shim =>
    {
        CreateRequest request = shim.Request("pod") with { Checkpoint = WriteImage(shim) };
        await FailAsync(shim, request with { Configuration = request.Configuration with { Grouping = false } });
    });

    [Fact]
    public void A_container_of_another_image_is_refused() => TestShim.Run(async shim =>
    {
        await shim.Creator.CreateAsync(shim.Request("pod") with { Checkpoint = WriteImage(shim, "", "web") });
        string other = ExampleImage.Write(shim.Directory["other"], TestPod.HeaderOf(1));
        CheckpointException e = await FailAsync(shim, shim.Request("web", "pod") with { Checkpoint = other });
        Assert.Contains(other, e.Message, StringComparison.Ordinal);
        // The same image is what its sandbox is restored from.
        await shim.Creator.CreateAsync(shim.Request("web", "pod") with { Checkpoint = shim.Directory["image"] });
    });

    [Fact]
    public void A_container_that_comes_after_the_restore_starts_without_the_image() => TestShim.Run(async shim =>
    {
        Container pod = await shim.Creator.CreateAsync(shim.Request("pod") with { Checkpoint = WriteImage(shim) });
        await pod.StartAsync();
        Container web = await shim.Creator.CreateAsync(shim.Request("web", "pod"));
        await web.StartAsync();
        Assert.Contains("start web+", shim.Runsc.Commands);
        Assert.Single(shim.Runsc.Calls, static call => call.Command == "restore");
        CheckpointException e = await FailAsync(
            shim, shim.Request("log", "pod") with { Checkpoint = shim.Directory["image"] });
        Assert.Contains("log", e.Message, StringComparison.Ordinal);
    });

    [Theory]
    [InlineData("default", false, false)]
    [InlineData("other", false, true)]
    [InlineData("other", true, false)]
    public void An_image_is_of_a_namespace(string podNamespace, bool isAllowed, bool isRefused) =>
        TestShim.Run(async shim =>
        {
            string image = WriteImage(shim);
            File.WriteAllBytes($"{image}/shim.json", new CheckpointRecord
            {
                RunscVersion = "release-test",
                Containers = [""],
                Namespace = "default",
            }.ToJson().ToArray());
            Bundle bundle = shim.WriteBundle("pod", null, false, ("io.kubernetes.cri.sandbox-namespace", podNamespace));
            CreateRequest request = shim.Request("pod", bundle) with { Checkpoint = image };
            request = request with
            {
                Configuration = request.Configuration with { RestoreAcrossNamespaces = isAllowed },
            };
            if (isRefused)
                Assert.Contains("is of a pod in namespace default", (await FailAsync(shim, request)).Message,
                    StringComparison.Ordinal);
            else
                await shim.Creator.CreateAsync(request);
        });

    [Fact]
    public void The_image_is_closed_if_the_creation_fails() => TestShim.Run(async shim =>
    {
        string image = WriteImage(shim);
        bool wasOpen = false;
        shim.Runsc.On("create", call =>
        {
            wasOpen = TestShim.IsOpen(image);
            call.Fail("no cgroup");
        });
        await Assert.ThrowsAnyAsync<Exception>(
            () => shim.Creator.CreateAsync(shim.Request("pod") with { Checkpoint = image }));
        Assert.True(wasOpen);
        Assert.False(TestShim.IsOpen(image));
        Assert.Single(shim.Warnings);
    });

    private static string WriteImage(TestShim shim, params string[] names)
    {
        string[] all = names.Length == 0 ? [""] : names;
        return ExampleImage.Write(shim.Directory["image"], TestPod.HeaderOf(all.Length),
            new CheckpointRecord { RunscVersion = "release-test", Containers = all });
    }

    private static async Task<CheckpointException> FailAsync(TestShim shim, CreateRequest request)
    {
        CheckpointException e = await Assert.ThrowsAsync<CheckpointException>(() => shim.Creator.CreateAsync(request));
        Assert.Equal(CheckpointFault.DoesNotFit, e.Fault);
        Assert.Throws<RefusedException>(() => shim.Store.Get(request.Id));
        Assert.False(File.Exists(request.Bundle.State));
        Assert.Single(shim.Warnings);
        return e;
    }
}
