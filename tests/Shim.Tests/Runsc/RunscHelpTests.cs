using Shim.Runsc;

namespace Shim.Tests.Runsc;

/// <summary>Help texts as runsc 20240729 and releases of mid-2026 print them.</summary>
public sealed class RunscHelpTests
{
    [Fact]
    public void Flags_of_restore()
    {
        IReadOnlyDictionary<string, bool> flags = RunscHelp.Flags(
            "restore [flags] <container id> - restore saved state of container.\n"
            + "  -bundle string\n    \tpath to the root of the bundle directory, defaults to the current directory\n"
            + "  -detach\n    \tdetach from the container's process\n"
            + "  -direct\n    \tuse O_DIRECT for reading checkpoint pages file\n");
        Assert.Equal([("bundle", false), ("detach", true), ("direct", true)],
            flags.OrderBy(static flag => flag.Key).Select(static flag => (flag.Key, flag.Value)));
    }

    [Fact]
    public void In_older_releases_the_first_flag_of_wait_follows_the_usage_and_takes_a_number()
    {
        IReadOnlyDictionary<string, bool> flags = RunscHelp.Flags(
            "wait [flags] <container id>  -checkpoint uint\n    \twait for (n-1)th checkpoint\n"
            + "  -pid int\n    \tselect a PID (default -1)\n");
        Assert.Equal([("checkpoint", false), ("pid", false)], flags.Select(static flag => (flag.Key, flag.Value)));
    }

    [Fact]
    public void In_newer_releases_wait_has_switches()
    {
        IReadOnlyDictionary<string, bool> flags =
            RunscHelp.Flags("wait [flags] <container id>\n  -checkpoint\n    \twait for the next checkpoint\n");
        Assert.True(flags["checkpoint"]);
    }

    [Fact]
    public void Other_text_has_no_flags() =>
        Assert.Empty(RunscHelp.Flags("Subcommand fscheckpoint not understood\n\n - x\n-y\n     -z\n"));
}
