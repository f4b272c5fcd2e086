using System.Text;
using System.Text.RegularExpressions;
using Containerd.Api.Tasks;
using Grpc.Core;
using Testing;
using Task = System.Threading.Tasks.Task;

namespace EndToEnd;

/// <summary>
/// Restores with what releases of mid-2026 know, by a stand-in; and what is answered with older ones.
/// </summary>
public class NewerRunscTests
{
    private const string Restore = "dev.gvisor.internal.restore.";
    private const string FileSystems = "dev.gvisor.internal.fsrestore.";

    [Fact]
    public async Task Annotations_become_arguments_of_runsc_and_are_removed_from_the_specification()
    {
        using TempDirectory directory = new();
        StandInRunsc runsc = StandInRunsc.Make(directory.Path);
        await using ShimHarness shim = await ShimHarness.StartAsync(
            "restore_root = \"DIR/images\"\ncheckpoint_root = \"DIR/written\"\ncheckpoint.compression = \"none\"",
            runsc.Path);
        string image = await CheckpointAsync(shim);
        Assert.True(File.Exists(Path.Combine(image, "pages.img")), "the configuration says that it is not compressed");

        string written = Path.Combine(shim.Directory, "written/second");
        Directory.CreateDirectory(written);
        HarnessPod pod = new(shim, "second")
        {
            Annotations =
            {
                [Restore + "host-image-path"] = image, [Restore + "direct"] = "true", [Restore + "background"] = "T",
                ["dev.gvisor.internal.checkpoint.path"] = written, // newer releases require that it is there
            },
        };
        await pod.CreateSandboxAsync();
        await pod.StartAsync(pod.Sandbox);
        Assert.Matches("^restore --image-path=/proc/[0-9]+/fd/[0-9]+ --detach --direct --background second\\+$",
            runsc.Calls[^1]);
        // A pod's cgroup is another one each time, and newer releases compare.
        Assert.Contains(runsc.WholeCalls,
            static call => call.Contains(" --restore-spec-validation=warning create ", StringComparison.Ordinal));
        await pod.CreateAsync("a");
        await pod.StartAsync(pod.IdOf("a"));
        await pod.CountAboveAsync("a", 3);
        foreach (string id in (string[])[pod.Sandbox, pod.IdOf("a")])
        {
            string spec = await File.ReadAllTextAsync(Path.Combine(shim.BundleOf(id), "config.json"));
            Assert.DoesNotContain(Restore, spec, StringComparison.Ordinal);
            Assert.Contains("dev.gvisor.internal.checkpoint.path", spec, StringComparison.Ordinal);
        }
        await pod.RemoveAsync();

        // One that insists on the specification is not talked out of it, and the configuration's wishes count, too.
        await File.WriteAllTextAsync(Path.Combine(shim.Directory, "runsc.toml"),
            (await File.ReadAllTextAsync(Path.Combine(shim.Directory, "runsc.toml"))).Replace(
                "[runsc_config]", "restore.background = true\n[runsc_config]\nrestore-spec-validation = \"enforce\"",
                    StringComparison.Ordinal));
        HarnessPod strict = new(shim, "third") { Annotations = { [Restore + "host-image-path"] = image } };
        await strict.CreateSandboxAsync();
        await strict.StartAsync(strict.Sandbox);
        Assert.EndsWith(" --detach --background third+", runsc.Calls[^1], StringComparison.Ordinal);
        Assert.Contains(" --restore-spec-validation=enforce restore ", runsc.WholeCalls[^1], StringComparison.Ordinal);
        await strict.RemoveAsync();
    }

    [Fact]
    public async Task Create_restores_file_systems()
    {
        using TempDirectory directory = new();
        StandInRunsc runsc = StandInRunsc.Make(directory.Path);
        await using ShimHarness shim = await ShimHarness.StartAsync("restore_root = \"DIR/images\"", runsc.Path);
        string image = Directory.CreateDirectory(Path.Combine(shim.Directory, "images/fs")).FullName;
        HarnessPod pod = new(shim, "pod")
        {
            Annotations = { [FileSystems + "host-image-path"] = image, [FileSystems + "direct"] = "true" },
        };
        RpcException error = await Assert.ThrowsAsync<RpcException>(() => pod.CreateSandboxAsync());
        Assert.Contains($"{image} holds no image (no file multitar.img: runsc fscheckpoint writes it)",
            error.Status.Detail, StringComparison.Ordinal);
        await File.WriteAllTextAsync(Path.Combine(image, "multitar.img"), "file systems");
        await pod.RunAsync("a");
        Assert.Contains(runsc.Calls, static call => Regex.IsMatch(call,
            "^create .* --fs-restore-image-path /proc/[0-9]+/fd/[0-9]+ --fs-restore-direct pod\\+$"));
        Assert.DoesNotContain(runsc.Calls, static call => call.EndsWith("pod-a+", StringComparison.Ordinal)
            && call.Contains("fs-restore", StringComparison.Ordinal));
        Assert.Equal("file systems", runsc.Restored);
        await pod.RemoveAsync();
    }

    [Theory]
    [InlineData(Restore + "background", "runsc restore --background")]
    [InlineData(FileSystems + "host-image-path", "runsc create --fs-restore-image-path")]
    public async Task Options_that_an_older_runsc_lacks_are_rejected_by_name(string annotation, string what)
    {
        Assert.SkipWhen(RunscCapabilities.HasCommand("fscheckpoint"), "this runsc knows both");
        await using ShimHarness shim = await ShimHarness.StartAsync("restore_root = \"DIR/images\"");
        string image = await CheckpointAsync(shim);
        await File.WriteAllTextAsync(Path.Combine(image, "multitar.img"), "");
        HarnessPod pod = new(shim, "second")
        {
            Annotations = annotation.StartsWith(Restore, StringComparison.Ordinal)
                ? new Dictionary<string, string> { [Restore + "host-image-path"] = image, [annotation] = "true" }
                : new Dictionary<string, string> { [annotation] = image },
        };
        RpcException error = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await pod.CreateSandboxAsync();
            await pod.StartAsync(pod.Sandbox);
        });
        Assert.Equal((StatusCode.Unimplemented,
            $"{what} is not supported by {Tools.Runsc}, version {RunscCapabilities.Version}; "
            + "it needs a newer release of gVisor: not implemented"),
            (error.StatusCode, error.Status.Detail));
        await pod.RemoveAsync();
        Assert.Empty(RunscRoot.Entries(Path.Combine(shim.RunscRoot, "test")));
    }

    /// <summary>Newer releases say in the image which of them wrote it, and take no other's.</summary>
    [Fact]
    public async Task Create_rejects_an_image_of_another_release()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        string image = await CheckpointAsync(shim), state = Path.Combine(image, "checkpoint.img");
        string content = Encoding.Latin1.GetString(await File.ReadAllBytesAsync(state));
        // The header keeps its length. An older release has no version in it, but a text on the use of the processor.
        bool hasVersion = content.Contains("\"runsc_version\":\"", StringComparison.Ordinal);
        Regex version = new(hasVersion ? "\"runsc_version\":\"[^\"]*\"" : "\"cpu_usage\":\"[^\"]*\"");
        content = version.Replace(content, static found => "\"runsc_version\":\"".PadRight(found.Length - 1, '9')
            + '"', 1);
        await File.WriteAllBytesAsync(state, Encoding.Latin1.GetBytes(content));
        HarnessPod pod = new(shim, "second");
        RpcException error = await Assert.ThrowsAsync<RpcException>(() => pod.CreateSandboxAsync(image));
        Assert.Equal(StatusCode.FailedPrecondition, error.StatusCode);
        Assert.Contains($"cannot be restored by runsc {RunscCapabilities.Version}: it was written by runsc ",
            error.Status.Detail, StringComparison.Ordinal);
    }

    private static async Task<string> CheckpointAsync(ShimHarness shim)
    {
        HarnessPod first = new(shim, "first");
        await first.RunAsync("a");
        string image = Path.Combine(shim.Directory, "images/first");
        await shim.Tasks.CheckpointAsync(new CheckpointTaskRequest { Id = first.IdOf("a"), Path = image });
        await first.RemoveAsync();
        return image;
    }
}
