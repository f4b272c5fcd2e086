using System.Globalization;
using System.Text.Json;
using Linux;

namespace Shim.Tests.Support;

/// <summary>One command of a <see cref="ScriptedRunsc"/>.</summary>
internal sealed class RunscCall
{
    private readonly ScriptedRunsc _runsc;
    private readonly Dictionary<string, string> _global = new(StringComparer.Ordinal);
    private bool _ended;

    public RunscCall(ScriptedRunsc runsc, int pid, SpawnRequest request)
    {
        _runsc = runsc;
        Pid = pid;
        Request = request;
        int first = 1;
        for (; first < request.Arguments.Count - 1
            && request.Arguments[first].StartsWith("--", StringComparison.Ordinal); first++)
        {
            string[] flag = request.Arguments[first].Split('=', 2);
            _global[flag[0]] = flag.Length > 1 ? flag[1] : "";
        }
        Command = request.Arguments[first];
        Arguments = [.. request.Arguments.Skip(first + 1)];
    }

    public int Pid { get; }

    public SpawnRequest Request { get; }

    /// <summary>The subcommand.</summary>
    public string Command { get; }

    /// <summary>The subcommand's arguments; the container's id is the last one, but for <c>kill</c>.</summary>
    public IReadOnlyList<string> Arguments { get; }

    /// <summary>A flag of runsc's own, such as <c>--root</c>; null if it is not there.</summary>
    public string? Global(string flag) => _global.GetValueOrDefault(flag);

    /// <summary>The value of a flag of the subcommand; null if it is not there.</summary>
    public string? Flag(string flag)
    {
        for (int i = 0; i < Arguments.Count; i++)
            if (Arguments[i] == flag)
                return Arguments[i + 1];
            else if (Arguments[i].StartsWith($"{flag}=", StringComparison.Ordinal))
                return Arguments[i][(flag.Length + 1)..];
        return null;
    }

    /// <summary>Ends with an error in the log and exit status 128.</summary>
    public void Fail(string message)
    {
        File.AppendAllText(_global["--log"], JsonSerializer.Serialize(new { msg = message, level = "error" }));
        End(128 << 8);
    }

    /// <summary>Does what the real command does, and ends well, unless it has ended before.</summary>
    public void Succeed()
    {
        if (_ended)
            return;
        string id = Arguments.Count > 0 ? Arguments[^1] : "";
        switch (Command)
        {
            case "create":
                Write("--pid-file", ScriptedRunsc.SandboxPid);
                Directory.CreateDirectory(_global["--root"]);
                File.WriteAllText(RecordOf(id), "{}");
                break;
            case "exec":
                Write("--pid-file", Pid);
                Write("--internal-pid-file", 7);
                return; // it stays as long as its process
            case "delete":
                File.Delete(RecordOf(id));
                break;
        }
        End(0);
    }

    /// <summary>Ends.</summary>
    public void End(int waitStatus)
    {
        _ended = true;
        _runsc.End(Pid, waitStatus);
    }

    /// <summary>The command and its arguments; of paths only the last part.</summary>
    public override string ToString() => string.Join(' ', Arguments.Select(Short).Prepend(Command));

    private string RecordOf(string id) => Path.Combine(_global["--root"], $"{id}_sandbox:{id}.state");

    private static string Short(string argument) =>
        argument.Contains('/') ? argument[..(argument.IndexOf('=', StringComparison.Ordinal) + 1)]
            + Path.GetFileName(argument) : argument;

    private void Write(string flag, int pid)
    {
        if (Flag(flag) is { } file)
            File.WriteAllText(file, pid.ToString(CultureInfo.InvariantCulture));
    }
}
