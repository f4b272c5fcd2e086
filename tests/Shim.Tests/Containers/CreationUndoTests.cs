using System.Text.Json.Nodes;
using Linux;
using Shim.Bundles;
using Shim.Containers;
using Shim.Io;
using Shim.Runsc;
using Shim.Tests.Support;

namespace Shim.Tests.Containers;

/// <summary>The order in which a creation is undone, and an undo that fails.</summary>
public sealed class CreationUndoTests
{
    [Fact]
    public void Runsc_is_cleaned_up_first_and_the_files_are_removed_last() => TestShim.Run(async shim =>
    {
        string output = shim.Directory["output"];
        CreateRequest request = shim.Request("pod") with
        {
            Stdio = new StdioRequest("", $"file://{output}", "", Terminal: false),
        };
        FailAfterRecord(shim);
        string[] left = [];
        bool isOpen = false;
        shim.Runsc.On("delete", _ =>
        {
            left = [.. Directory.GetFiles(request.Bundle.Path).Select(static path => Path.GetFileName(path)).Order()];
            isOpen = TestShim.IsOpen(output);
            Assert.Throws<RefusedException>(() => shim.Store.Reserve(new PendingCreate("pod", new Bundle("/run/pod"))));
        });
        await Assert.ThrowsAsync<RunscException>(() => shim.Creator.CreateAsync(request));
        Assert.Equal(["config.json", "log.json", "state.json", "volumes.json"], left);
        Assert.True(isOpen);
        Assert.Equal(["config.json"], Directory.GetFiles(request.Bundle.Path).Select(Path.GetFileName));
        Assert.False(TestShim.IsOpen(output));
        Assert.Single(shim.Warnings);
    });

    [Fact]
    public void The_root_file_system_is_unmounted_after_runsc_is_cleaned_up()
    {
        Requires.Root("mounting");
        TestShim.Run(async shim =>
        {
            CreateRequest request = shim.Request("pod") with
            {
                Rootfs = [new MountSpec { Type = "tmpfs", Source = "tmpfs" }],
            };
            FailAfterRecord(shim);
            bool isMounted = false;
            shim.Runsc.On("delete", _ => { isMounted = IsMounted(request.Bundle.Rootfs); });
            await Assert.ThrowsAsync<RunscException>(() => shim.Creator.CreateAsync(request));
            Assert.True(isMounted);
            Assert.False(IsMounted(request.Bundle.Rootfs));
            Assert.Single(shim.Warnings);
        });
    }

    [Fact]
    public void The_mounts_before_the_one_that_fails_are_unmounted()
    {
        Requires.Root("mounting");
        TestShim.Run(async shim =>
        {
            CreateRequest request = shim.Request("pod") with
            {
                Rootfs =
                [
                    new MountSpec { Type = "tmpfs", Source = "tmpfs" },
                    new MountSpec { Type = "no-such-file-system", Source = "none" },
                ],
            };
            await Assert.ThrowsAsync<LinuxException>(() => shim.Creator.CreateAsync(request));
            Assert.False(IsMounted(request.Bundle.Rootfs));
            Assert.Empty(shim.Runsc.Commands);
            Assert.Single(shim.Warnings);
        });
    }

    [Fact]
    public void What_others_mounted_is_not_unmounted()
    {
        Requires.Root("mounting");
        TestShim.Run(async shim =>
        {
            CreateRequest request = shim.Request("pod");
            Mounts.Mount([new MountSpec { Type = "tmpfs", Source = "tmpfs" }], request.Bundle.Rootfs);
            try
            {
                FailAfterRecord(shim);
                await Assert.ThrowsAsync<RunscException>(() => shim.Creator.CreateAsync(request));
                Assert.True(IsMounted(request.Bundle.Rootfs));
                Assert.Single(shim.Warnings);
            }
            finally
            {
                Mounts.UnmountAll(request.Bundle.Rootfs);
            }
        });
    }

    /// <summary>runsc's own cgroup is removed if runsc left it; one that somebody else made stays.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_empty_cgroup(bool existed)
    {
        Requires.Root("making a cgroup");
        string path = $"/shim-test-{Guid.NewGuid():N}";
        TestShim.Run(async shim =>
        {
            Cgroup group = Cgroup.AtPath(shim.Context.Cgroups, path);
            try
            {
                CreateRequest request = shim.Request("pod");
                JsonNode spec = JsonNode.Parse(File.ReadAllText(request.Bundle.Specification))!;
                spec["linux"]!["cgroupsPath"] = path;
                File.WriteAllText(request.Bundle.Specification, spec.ToJsonString());
                if (existed)
                    Make(group);
                FailAfterRecord(shim);
                shim.Runsc.On("delete", _ => Make(group)); // a killed runsc has left it
                await Assert.ThrowsAsync<RunscException>(() => shim.Creator.CreateAsync(request));
                Assert.Equal(existed, group.ExistsSomewhere);
                Assert.Single(shim.Warnings);
            }
            finally
            {
                group.RemoveIfEmpty();
            }
        });
    }

    [Fact]
    public void The_state_stays_if_the_undo_could_not_clean_up() => TestShim.Run(async shim =>
    {
        CreateRequest request = shim.Request("pod");
        FailAfterRecord(shim);
        shim.Runsc.Fail("delete", "device is busy");
        RunscException e = await Assert.ThrowsAsync<RunscException>(() => shim.Creator.CreateAsync(request));
        Assert.Contains("no cgroup", e.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(request.Bundle.State));
        Assert.False(File.Exists(request.Bundle.Volumes));
        Assert.Equal(2, shim.Warnings.Length);
        Assert.Contains("device is busy", shim.Warnings[1], StringComparison.Ordinal);
        // The other steps are taken nevertheless.
        Assert.Equal(0, shim.Store.Count);
        shim.Runsc.Mend();
        await shim.Creator.CreateAsync(shim.Request("pod"));
    });

    [Fact]
    public void A_delete_that_hangs_is_given_up() => TestShim.Run(async shim =>
    {
        CreateRequest request = shim.Request("pod");
        FailAfterRecord(shim);
        shim.Runsc.Hold("delete");
        Task<Container> creating = shim.Creator.CreateAsync(request);
        await shim.Runsc.UntilAsync("delete");
        await TestShim.SettleAsync();
        Assert.False(creating.IsCompleted);
        shim.Time.Advance(TimeSpan.FromMinutes(2));
        await Assert.ThrowsAsync<RunscException>(() => creating);
        Assert.True(File.Exists(request.Bundle.State));
        Assert.Equal(2, shim.Warnings.Length);
    });

    private static void FailAfterRecord(TestShim shim) => shim.Runsc.On("create", static call =>
    {
        call.LeaveRecord();
        call.Fail("no cgroup");
    });

    private static void Make(Cgroup group) => Directory.CreateDirectory(
        group.Mode == CgroupMode.Unified ? group.UnifiedDirectory! : group.DirectoryOf("memory")!);

    private static bool IsMounted(string path) =>
        File.ReadLines("/proc/self/mountinfo").Any(line => line.Split(' ')[4] == path);
}
