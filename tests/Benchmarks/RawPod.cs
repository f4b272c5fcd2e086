using System.Diagnostics;
using Testing;

namespace Benchmarks;

/// <summary>
/// The same pod made with runsc's commands and nothing else; its specifications are as the shim writes them.
/// </summary>
/// <remarks>
/// A shell runs the commands, in a PID namespace whose init it is, so that sandboxes and gofers become its children and
/// are reaped as soon as they end: <c>runsc delete</c> waits for that, and a machine's own init may look for them only
/// once in a while. It is started beforehand, so that its start is not measured.
/// </remarks>
internal sealed class RawPod : IPod
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(60);

    private readonly string _root;
    private readonly string _output;
    private readonly Process _shell;

    private RawPod(PodBundles bundles)
    {
        Bundles = bundles;
        _root = Path.Combine(bundles.Directory, "runsc");
        _output = Path.Combine(bundles.Directory, "output");
        // The last argument is there for the session to find it by.
        _shell = Command.Start("/usr/bin/unshare",
            ["--pid", "--fork", "--mount-proc", "--kill-child", "/bin/sh", "-s", bundles.Directory]);
    }

    public PodBundles Bundles { get; }

    public static async Task<IPod> PrepareAsync(Session session)
    {
        string id = session.NewId();
        var bundles = new PodBundles(Path.Combine(session.Directory, id), id);
        const string Hint = $"dev.gvisor.spec.mount.{PodBundles.VolumeName}";
        await bundles.JoinAsync(
            ($"{Hint}.type", "tmpfs"), ($"{Hint}.share", "pod"), ($"{Hint}.source", bundles.Volume),
                ($"{Hint}.options", "rw"));
        var pod = new RawPod(bundles);
        try
        {
            await pod.RunAsync([["true"]]);
            return pod;
        }
        catch
        {
            await pod.DisposeAsync();
            throw;
        }
    }

    public Task BringUpAsync() => RunAsync(Bundles.Containers.SelectMany(container => (string[][])
        [
            [.. RawRunsc.Global(container.Bundle, _root), "create", "--bundle", container.Bundle, container.Id],
            [.. RawRunsc.Global(container.Bundle, _root), "start", container.Id],
        ]));

    public Task TakeDownAsync() => RunAsync(Bundles.Containers.Reverse().Select(container => (string[])
        [.. RawRunsc.Global(container.Bundle, _root), "delete", "--force", container.Id]));

    /// <summary>Ends the shell, and with it whatever is left in its PID namespace.</summary>
    public async ValueTask DisposeAsync()
    {
        _shell.Kill();
        using var bound = new CancellationTokenSource(s_bound);
        await _shell.WaitForExitAsync(bound.Token);
        _shell.Dispose();
    }

    /// <summary>Runs the commands one after the other, until one fails.</summary>
    private async Task RunAsync(IEnumerable<string[]> commands)
    {
        string script = string.Join(" && ", commands.Select(command => string.Join(' ', command.Select(Quoted))));
        // Their output goes to a file, since sandboxes keep create's open.
        await _shell.StandardInput.WriteLineAsync($"{{ {script}; }} </dev/null >>{Quoted(_output)} 2>&1; echo $?");
        using var bound = new CancellationTokenSource(s_bound);
        string? status = await _shell.StandardOutput.ReadLineAsync(bound.Token);
        if (status is null)
            throw new InvalidOperationException(
                $"{script}\nand the shell ended: {await _shell.StandardError.ReadToEndAsync(bound.Token)}");
        if (status != "0")
            throw new InvalidOperationException(
                $"{script}\nended with {status}: {await File.ReadAllTextAsync(_output)}");
    }

    private static string Quoted(string word) => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
