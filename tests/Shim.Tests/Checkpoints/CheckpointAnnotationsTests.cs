using Shim.Checkpoints;

namespace Shim.Tests.Checkpoints;

/// <summary>Where a pod's annotations may have runsc write images.</summary>
public sealed class CheckpointAnnotationsTests : IDisposable
{
    private const string Path = "dev.gvisor.internal.checkpoint.path";

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(Path, true)]
    [InlineData("dev.gvisor.internal.fscheckpoint.path", true)]
    [InlineData("dev.gvisor.internal.checkpoint.host-image-path", true)]
    [InlineData("dev.gvisor.internal.checkpoint.direct", false)]
    [InlineData("dev.gvisor.internal.restore.host-image-path", false)]
    public void Annotations_that_name_a_path(string annotation, bool isPath) =>
        Assert.Equal(isPath, CheckpointAnnotations.NamePath(Annotations(annotation, "/x")));

    [Fact]
    public void A_directory_below_the_root_is_allowed()
    {
        Directory.CreateDirectory(_directory["root/web"]);
        CheckpointAnnotations.RequireAllowedPaths(Annotations(Path, _directory["root/web"]), Root());
    }

    [Theory]
    [InlineData("elsewhere", "is not below checkpoint_root")]
    [InlineData("root", "is not below checkpoint_root")]
    [InlineData("root/link", "without links")]
    [InlineData("root/../elsewhere", "without \"..\"")]
    [InlineData("root/missing", "does not exist")]
    public void Another_directory_is_rejected(string name, string why)
    {
        Directory.CreateDirectory(_directory["root"]);
        Directory.CreateDirectory(_directory["elsewhere"]);
        Directory.CreateSymbolicLink(_directory["root/link"], _directory["elsewhere"]);
        AssertRejected($"{_directory.Path}/{name}", why);
    }

    [Fact]
    public void A_directory_that_others_can_change_is_rejected()
    {
        Directory.CreateDirectory(_directory["root/web"]);
        File.SetUnixFileMode(_directory["root/web"],
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherWrite);
        AssertRejected(_directory["root/web"], "is not safe to use: everybody can change it");
    }

    private void AssertRejected(string path, string why) => Assert.Contains(why, Assert.Throws<CheckpointException>(
        () => CheckpointAnnotations.RequireAllowedPaths(Annotations(Path, path), Root())).Message,
        StringComparison.Ordinal);

    private AllowedRoot Root() => new("checkpoint_root", _directory["root"], null);

    private static Dictionary<string, string> Annotations(string name, string value) => new() { [name] = value };
}
