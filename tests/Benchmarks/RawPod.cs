using Testing;

namespace Benchmarks;

/// <summary>The same pod made with runsc's commands and nothing else, in one shell; its specifications are as the shim writes them.</summary>
internal sealed class RawPod : IPod
{
    private readonly string _root;

    private RawPod(PodBundles bundles)
    {
        Bundles = bundles;
        _root = Path.Combine(bundles.Directory, "runsc");
    }

    public PodBundles Bundles { get; }

    public static async Task<IPod> PrepareAsync(Session session)
    {
        string id = session.NewId();
        var bundles = new PodBundles(Path.Combine(session.Directory, id), id);
        const string Hint = $"dev.gvisor.spec.mount.{PodBundles.VolumeName}";
        await bundles.JoinAsync(
            ($"{Hint}.type", "tmpfs"), ($"{Hint}.share", "pod"), ($"{Hint}.source", bundles.Volume), ($"{Hint}.options", "rw"));
        return new RawPod(bundles);
    }

    public Task BringUpAsync() => RunAsync(Bundles.Containers.SelectMany(container => (string[][])
        [
            [.. RawRunsc.Global(container.Bundle, _root), "create", "--bundle", container.Bundle, container.Id],
            [.. RawRunsc.Global(container.Bundle, _root), "start", container.Id],
        ]));

    public Task TakeDownAsync() => RunAsync(Bundles.Containers.Reverse().Select(container => (string[])
        [.. RawRunsc.Global(container.Bundle, _root), "delete", "--force", container.Id]));

    // What is left after a failure is the session's to end.
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Runs the commands one after the other.</summary>
    private async Task RunAsync(IEnumerable<string[]> commands)
    {
        // A file, since the sandbox keeps create's output open: a pipe to here would not end before it.
        string output = Path.Combine(Bundles.Directory, "output");
        string script = string.Join(" && ", commands.Select(command => string.Join(' ', command.Select(Quoted))));
        CommandResult result = await Command.RunAsync("/bin/sh", ["-c", $"exec >{Quoted(output)} 2>&1; {script}"]);
        if (result.ExitCode != 0)
            throw new InvalidOperationException($"{script}\nended with {result.ExitCode}: {await File.ReadAllTextAsync(output)}");
    }

    private static string Quoted(string word) => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
