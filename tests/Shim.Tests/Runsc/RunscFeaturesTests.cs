using Linux;
using Shim.Runsc;
using Shim.Tests.Support;

namespace Shim.Tests.Runsc;

/// <summary>A runsc's features are read from the binary once, and again when the binary has changed.</summary>
public sealed class RunscFeaturesTests
{
    private const string Older = "restore [flags] <container id>\\n  -direct\\n    \\tx\\n";
    private const string Newer = "restore [flags] <container id>\\n  -background\\n    \\tx\\n  -direct\\n    \\tx\\n";

    [Fact]
    public void Help_is_read_once_and_again_after_the_binary_has_changed()
    {
        using TempDirectory directory = new();
        string binary = directory["runsc"];
        WriteRunsc(directory, Older);
        Loops.Run(async loop =>
        {
            var features = new RunscFeatures();
            RunscRunner runner = Runner(loop, binary);
            Assert.False(await features.HasAsync(runner, "restore", "background"));
            Assert.True(await features.HasAsync(runner, "restore", "direct", asSwitch: true));
            Assert.True(await features.HasAsync(runner, "restore", null));
            Assert.Single(File.ReadAllLines(directory["calls"]));
            RunscException refused = await Assert.ThrowsAsync<RunscException>(
                () => features.RequireAsync(runner, "restore", "background"));
            Assert.Equal(RunscFailure.Unsupported, refused.Failure);
            Assert.Equal($"runsc restore --background is not supported by {binary}, version 1.2.3; "
                + "it needs a newer release of gVisor", refused.Message);

            WriteRunsc(directory, Newer);
            await features.RequireAsync(runner, "restore", "background");
        });
    }

    [Fact]
    public void A_command_that_runsc_does_not_have_is_refused()
    {
        using TempDirectory directory = new();
        WriteRunsc(directory, Older);
        Loops.Run(async loop =>
        {
            var features = new RunscFeatures();
            RunscRunner runner = Runner(loop, directory["runsc"]);
            Assert.False(await features.HasAsync(runner, "fscheckpoint", null));
            RunscException refused = await Assert.ThrowsAsync<RunscException>(
                () => features.RequireAsync(runner, "fscheckpoint", null));
            Assert.StartsWith("runsc fscheckpoint is not supported by ", refused.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void A_runsc_that_cannot_be_started_is_tried_again_each_time()
    {
        using TempDirectory directory = new();
        Loops.Run(async loop =>
        {
            var features = new RunscFeatures();
            RunscRunner runner = Runner(loop, directory["none"]);
            for (int i = 0; i < 2; i++)
                Assert.Equal(RunscFailure.NotRunnable, (await Assert.ThrowsAsync<RunscException>(
                    () => features.HasAsync(runner, "restore", null))).Failure);
            WriteRunsc(directory, Newer);
            File.Move(directory["runsc"], directory["none"]);
            Assert.True(await features.HasAsync(runner, "restore", null));
        });
    }

    private static RunscRunner Runner(EventLoop loop, string binary) => new(
        new Reaper(loop, SignalDescriptor.Open(loop, SignalSet.Of(Signals.SIGCHLD))), loop.Time,
        new RunscSettings { Binary = binary, Root = "/nowhere", Flags = new SortedDictionary<string, string>() });

    private static void WriteRunsc(TempDirectory directory, string help)
    {
        directory.Write("runsc.new", $"""
            #!/bin/sh
            case "$*" in
              *--version) printf 'runsc version 1.2.3\nspec: 1.0.2\n' ;;
              *"help restore") echo asked >> {directory["calls"]}; printf '{help}' ;;
              *) echo 'Subcommand not understood'; exit 128 ;;
            esac
            """);
        File.SetUnixFileMode(directory["runsc.new"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
        File.Move(directory["runsc.new"], directory["runsc"], overwrite: true);
    }
}
