using System.Buffers;
using System.Text;
using System.Text.Json;
using CsCheck;
using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>The file with the decisions in the sandbox's bundle.</summary>
public sealed class VolumeDecisionsTests
{
    // Any text without surrogates, since one alone is not valid.
    private static readonly Gen<string> s_text = Gen.OneOf(
        Gen.String[Gen.Char["/.-_azAZ09 \"\\\n\té世"], 0, 20],
        Gen.String.Where(static text => !text.Any(char.IsSurrogate)));

    private static readonly Gen<VolumeDecision> s_decision = Gen.Select(s_text, s_text, s_text, s_text,
        Gen.Enum<VolumeRule>(), Gen.Enum<VolumeShare>().Nullable(0.3), Gen.Enum<VolumeMedium>(),
        static (name, path, options, why, rule, share, medium) => new VolumeDecision
        {
            Volume = name,
            Path = path,
            Rule = rule,
            Why = why,
            Share = share,
            Medium = share is null ? VolumeMedium.Disk : medium,
            Options = share is null ? "" : options,
        });

    private static readonly VolumeDecisions s_example = Rewriting.OfSandbox(
        ExamplePod.Annotations(
            "share=pod logs.share=container logs.type=bind tmp.medium=memory cache.force-shared=true"),
        [], ExamplePod.With(ExamplePod.EmptyDir(), ExamplePod.EmptyDir("logs"), ExamplePod.EmptyDir("tmp"),
            ExamplePod.EmptyDir("cache"))).Decisions;

    [Fact]
    public void Written_decisions_are_parsed_unchanged()
    {
        Gen.Select(s_text, s_text, s_text, s_decision.Array[0, 5]).Sample((uid, directory, resolved, volumes) =>
        {
            var decisions = new VolumeDecisions
            {
                PodUid = uid,
                Directory = directory,
                ResolvedDirectory = resolved,
                Volumes = volumes,
            };
            VolumeDecisions read = VolumeDecisions.Parse(Written(decisions));
            Assert.Equal((uid, directory, resolved), (read.PodUid, read.Directory, read.ResolvedDirectory));
            Assert.Equal(volumes, read.Volumes);
        });
    }

    [Fact]
    public void The_file_has_the_documented_fields()
    {
        const string Options = "options=rw,mode=777,uid=0,gid=0";
        using TempDirectory directory = new();
        s_example.Save(directory["volumes.json"]);
        s_example.Save(directory["volumes.json"]);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(directory["volumes.json"]));
        Assert.Equal(["version", "pod_uid", "directory", "resolved_directory", "volumes"],
            document.RootElement.EnumerateObject().Select(static field => field.Name));
        Assert.Equal(
            [
                $"volume=cache outcome=passthrough rule=force-shared path={ExamplePod.PathOf("cache")}",
                $"volume=data outcome=pod-disk rule=shared-by-pod path={ExamplePod.DataPath} {Options}",
                "volume=logs outcome=container-disk rule=shared-by-container "
                    + $"path={ExamplePod.PathOf("logs")} {Options}",
                $"volume=tmp outcome=pod-memory rule=shared-by-pod path={ExamplePod.PathOf("tmp")} {Options}",
            ],
            document.RootElement.GetProperty("volumes").EnumerateArray().Select(static volume => string.Join(' ',
                volume.EnumerateObject().Where(static field => field.Name != "why")
                    .Select(static field => $"{field.Name}={field.Value.GetString()}"))));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(directory["volumes.json"]));
        Assert.Single(Directory.GetFileSystemEntries(directory.Path));
        Assert.Equal(s_example.Volumes, VolumeDecisions.Load(directory["volumes.json"]).Volumes);
    }

    /// <summary>A pod may have thousands of volumes, and as many mounts that are compared with them.</summary>
    [Fact]
    public void A_path_is_found_without_allocating()
    {
        VolumeDecisions decisions = s_example with { ResolvedDirectory = "/mnt/pod" };
        string path = decisions.Volumes[0].Path.Replace(decisions.Directory, "/mnt/pod", StringComparison.Ordinal);
        string other = $"{path}x";
        decisions.At(other);
        decisions.Above(other);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            decisions.At(other);
            decisions.Above(other);
        }
        // The enumerator of an interface's list is an object.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000);
        Assert.Same(decisions.Volumes[0], decisions.At(path));
        Assert.Same(decisions.Volumes[0], decisions.Above($"{path}/sub"));
        string subPath = $"/mnt/pod/volume-subpaths/{decisions.Volumes[0].Volume}/x/0";
        Assert.Same(decisions.Volumes[0], decisions.Above(subPath));
    }

    [Fact]
    public void A_missing_file_is_an_error()
    {
        using TempDirectory directory = new();
        foreach (string path in (string[])["volumes.json", "no/such/volumes.json"])
        {
            var e = Assert.Throws<VolumeException>(() => VolumeDecisions.Load(directory[path]));
            Assert.Contains(directory[path], e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_truncated_file_is_an_error()
    {
        using TempDirectory directory = new();
        byte[] whole = Written(s_example);
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(directory["volumes.json"], whole[..length]);
            var e = Assert.Throws<VolumeException>(() => VolumeDecisions.Load(directory["volumes.json"]));
            Assert.Contains(directory["volumes.json"], e.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("\"version\":1", "\"version\":2")]
    [InlineData("\"version\":1", "\"version\":\"1\"")]
    [InlineData("\"version\":1", "\"version\":1e99")]
    [InlineData("\"version\":1,", "")]
    [InlineData("\"pod_uid\"", "\"uid\"")]
    [InlineData("\"pod-disk\"", "\"pod-tape\"")]
    [InlineData("\"pod-disk\"", "null")]
    [InlineData("\"shared-by-pod\"", "\"shared\"")]
    [InlineData("\"shared-by-pod\"", "1")]
    [InlineData("\"options\"", "\"x\"")]
    [InlineData("\"volumes\":[", "\"volumes\":[1,")]
    [InlineData("\"volumes\":[", "\"volumes\":[null,")]
    [InlineData("\"volumes\":[", "\"volumes\":{},\"x\":[")]
    [InlineData("\"volume\":\"data\"", "\"volume\":\"\\ud800\"")]
    public void A_field_that_is_missing_or_not_valid_is_an_error(string what, string instead)
    {
        using TempDirectory directory = new();
        string whole = Encoding.UTF8.GetString(Written(s_example));
        Assert.Contains(what, whole, StringComparison.Ordinal);
        directory.Write("volumes.json", whole.Replace(what, instead, StringComparison.Ordinal));
        Assert.Throws<VolumeException>(() => VolumeDecisions.Load(directory["volumes.json"]));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("\"\"")]
    [InlineData("{}")]
    public void JSON_of_another_shape_is_an_error(string json)
    {
        using TempDirectory directory = new();
        directory.Write("volumes.json", json);
        Assert.Throws<VolumeException>(() => VolumeDecisions.Load(directory["volumes.json"]));
    }

    [Fact]
    public void A_directory_instead_of_the_file_is_an_error()
    {
        using TempDirectory directory = new();
        Assert.Throws<VolumeException>(() => VolumeDecisions.Load(directory.Path));
    }

    private static byte[] Written(VolumeDecisions decisions)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
            decisions.Write(json);
        return buffer.WrittenSpan.ToArray();
    }
}
