using System.Diagnostics;

namespace Testing;

/// <summary>Runs a program to its end, for a bounded time.</summary>
public static class Command
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(60);

    public static async Task<CommandResult> RunAsync(
        string program, IEnumerable<string> arguments, byte[]? input = null, string? directory = null,
        IReadOnlyDictionary<string, string>? environment = null)
    {
        using Process process = Start(program, arguments, directory, environment);
        using var bound = new CancellationTokenSource(s_bound);
        using var output = new MemoryStream();
        Task reading = process.StandardOutput.BaseStream.CopyToAsync(output, bound.Token);
        Task<string> errors = process.StandardError.ReadToEndAsync(bound.Token);
        string line = $"{program} {string.Join(' ', process.StartInfo.ArgumentList)}";
        try
        {
            if (input is not null)
                await process.StandardInput.BaseStream.WriteAsync(input, bound.Token);
            process.StandardInput.Close();
            await reading;
            await process.WaitForExitAsync(bound.Token);
            return new CommandResult(line, process.ExitCode, output.ToArray(), await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{line}\ndid not end within {s_bound.TotalSeconds} s\nstdout so far: "
                + System.Text.Encoding.UTF8.GetString(output.ToArray()));
        }
    }

    /// <summary>Starts a program with its standard streams redirected to pipes.</summary>
    public static Process Start(
        string program, IEnumerable<string> arguments, string? directory = null,
        IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = directory ?? "/",
        };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        return Process.Start(start) ?? throw new InvalidOperationException($"{program} was not started");
    }
}
