using System.Globalization;
using System.Text;
using System.Text.Json;
using Linux;

namespace Shim.Tests.Support;

/// <summary>One command of a <see cref="ScriptedRunsc"/>.</summary>
internal sealed class RunscCall
{
    private readonly ScriptedRunsc _runsc;
    private readonly Dictionary<string, string> _global = new(StringComparer.Ordinal);

    public RunscCall(ScriptedRunsc runsc, int pid, SpawnRequest request)
    {
        _runsc = runsc;
        Pid = pid;
        Request = request;
        IReadOnlyList<string> argv = request.Arguments;
        int first = 1;
        for (; first < argv.Count - 1 && argv[first].StartsWith("--", StringComparison.Ordinal); first++)
        {
            string[] flag = argv[first].Split('=', 2);
            _global[flag[0]] = flag.Length > 1 ? flag[1] : "";
        }
        Command = argv[first];
        Arguments = [.. argv.Skip(first + 1)];
    }

    public int Pid { get; }

    public SpawnRequest Request { get; }

    /// <summary>The subcommand.</summary>
    public string Command { get; }

    /// <summary>The subcommand's arguments; the container's id is the last one, but for <c>kill</c>.</summary>
    public IReadOnlyList<string> Arguments { get; }

    /// <summary>A process that the command leaves behind, as a detached <c>exec</c> does.</summary>
    public int ChildPid => Pid + 1_000_000;

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

    /// <summary>Writes to its standard output, or to another of its descriptors.</summary>
    public void Print(string text, int descriptor = 1)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Assert.Equal(bytes.Length, Request.Descriptors[descriptor]!.TryWrite(bytes, out _));
    }

    /// <summary>Appends an error to its log.</summary>
    public void LogError(string message) =>
        File.AppendAllText(_global["--log"], JsonSerializer.Serialize(new { msg = message, level = "error" }));

    /// <summary>Ends with an error in the log and exit status 128.</summary>
    public void Fail(string message)
    {
        LogError(message);
        End(128 << 8);
    }

    /// <summary>Does what the real command does, and ends well, unless it has ended before.</summary>
    public void Succeed()
    {
        if (_runsc.HasEnded(Pid))
            return;
        bool isDetached = Arguments.Contains("--detach");
        switch (Command)
        {
            case "create":
                Write("--pid-file", ScriptedRunsc.SandboxPid);
                LeaveRecord();
                break;
            case "exec":
                Write("--pid-file", isDetached ? ChildPid : Pid);
                Write("--internal-pid-file", 7);
                if (isDetached)
                    break;
                return; // it stays as long as its process
            case "wait":
                return; // until the test answers or it is killed
            case "delete":
                foreach (string record in Directory.GetFiles(_global["--root"], $"{Arguments[^1]}_sandbox:*.state"))
                    File.Delete(record);
                break;
            case "--version":
                Print("runsc version release-test\nspec: 1.1.0\n");
                break;
        }
        End(0);
    }

    /// <summary>Leaves the container's record in runsc's root.</summary>
    public void LeaveRecord()
    {
        Directory.CreateDirectory(_global["--root"]);
        File.WriteAllText(Path.Combine(_global["--root"], $"{Arguments[^1]}_sandbox:{Arguments[^1]}.state"),
            $$"""{"bundleDir":"{{Flag("--bundle")}}"}""");
    }

    /// <summary>Ends.</summary>
    public void End(int waitStatus) => _runsc.End(Pid, waitStatus);

    /// <summary>The command and its arguments; of paths only the last part.</summary>
    public override string ToString() => string.Join(' ', Arguments.Select(Short).Prepend(Command));

    private static string Short(string argument) => argument.Contains('/')
        ? argument[..(argument.IndexOf('=', StringComparison.Ordinal) + 1)] + Path.GetFileName(argument)
        : argument;

    private void Write(string flag, int pid)
    {
        if (Flag(flag) is { } file)
            File.WriteAllText(file, pid.ToString(CultureInfo.InvariantCulture));
    }
}
