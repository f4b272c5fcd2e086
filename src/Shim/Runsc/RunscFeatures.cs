using System.Text;
using Linux;

namespace Shim.Runsc;

/// <summary>What the installed runsc supports beyond what every runsc since 2024 does.</summary>
/// <remarks>
/// The binary's help texts are read when something newer is needed for the first time, and the result is kept until
/// another file replaces the binary. A version number is not used: distributions and private builds choose their own.
/// </remarks>
internal sealed class RunscFeatures
{
    private readonly Dictionary<string, Known> _binaries = new(StringComparer.Ordinal);

    /// <summary>Whether a command exists, or has a flag.</summary>
    /// <param name="runner">Runs the binary.</param>
    /// <param name="command">The command; empty for runsc's own flags.</param>
    /// <param name="flag">The flag's name without dashes; null: the command itself.</param>
    /// <param name="asSwitch">The flag must take no value; one of this name that does has another meaning.</param>
    /// <exception cref="RunscException">runsc cannot be started.</exception>
    public async Task<bool> HasAsync(RunscRunner runner, string command, string? flag, bool asSwitch = false)
    {
        IReadOnlyDictionary<string, bool>? flags = await FlagsAsync(runner, command);
        if (flags is null || flag is null)
            return flags is not null;
        return flags.TryGetValue(flag, out bool isSwitch) && (isSwitch || !asSwitch);
    }

    /// <summary>Rejects what the binary does not support.</summary>
    /// <inheritdoc cref="HasAsync"/>
    /// <exception cref="RunscException">It is not supported, or runsc cannot be started.</exception>
    public async Task RequireAsync(RunscRunner runner, string command, string? flag, bool asSwitch = false)
    {
        if (await HasAsync(runner, command, flag, asSwitch))
            return;
        throw new RunscException(RunscFailure.Unsupported,
            $"runsc {command}{(flag is null ? "" : $" --{flag}")} is not supported by {runner.Settings.Binary}, "
            + $"version {await VersionAsync(runner)}; it needs a newer release of gVisor");
    }

    /// <summary>The binary's version.</summary>
    /// <exception cref="RunscException">It cannot be started, or ends with an error.</exception>
    public async Task<string> VersionAsync(RunscRunner runner)
    {
        Known known = Of(runner.Settings.Binary);
        return known.Version ??= await runner.VersionAsync();
    }

    private async Task<IReadOnlyDictionary<string, bool>?> FlagsAsync(RunscRunner runner, string command)
    {
        Known known = Of(runner.Settings.Binary);
        if (!known.Commands.TryGetValue(command, out Task<IReadOnlyDictionary<string, bool>?>? flags))
            known.Commands[command] = flags = AskAsync(runner, command);
        try
        {
            return await flags;
        }
        catch
        {
            known.Commands.Remove(command); // the next caller tries again
            throw;
        }
    }

    private Known Of(string binary)
    {
        (string Path, DateTime Changed, long Length) file = FileOf(binary);
        if (!_binaries.TryGetValue(file.Path, out Known? known)
            || known.Changed != file.Changed || known.Length != file.Length)
            _binaries[file.Path] = known = new Known(file.Changed, file.Length);
        return known;
    }

    private static async Task<IReadOnlyDictionary<string, bool>?> AskAsync(RunscRunner runner, string command) =>
        await runner.HelpAsync(command.Length == 0 ? ["flags"] : ["help", command]) is { } help
            ? RunscHelp.Flags(Encoding.UTF8.GetString(help))
            : null;

    private static (string Path, DateTime Changed, long Length) FileOf(string binary)
    {
        try
        {
            var file = new FileInfo(Spawner.Find(binary));
            return (file.FullName, file.LastWriteTimeUtc, file.Exists ? file.Length : 0);
        }
        catch (LinuxException)
        {
            return (binary, default, 0); // starting it will report why it cannot be started
        }
    }

    private sealed class Known(DateTime changed, long length)
    {
        public DateTime Changed { get; } = changed;

        public long Length { get; } = length;

        public string? Version { get; set; }

        public Dictionary<string, Task<IReadOnlyDictionary<string, bool>?>> Commands { get; } =
            new(StringComparer.Ordinal);
    }
}
