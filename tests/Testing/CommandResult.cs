namespace Testing;

/// <summary>How a command ended, and what it printed.</summary>
public sealed record CommandResult(string Command, int ExitCode, byte[] OutputBytes, string Error)
{
    public string Output => System.Text.Encoding.UTF8.GetString(OutputBytes);

    /// <summary>Its output, if it succeeded; fails the test with all it said if not.</summary>
    public string Succeeded()
    {
        Assert.True(ExitCode == 0, $"{Command}\nended with exit code {ExitCode}\nstdout: {Output}\nstderr: {Error}");
        return Output;
    }

    /// <summary>Its standard error, if it failed; fails the test if it did not.</summary>
    public string Failed()
    {
        Assert.True(ExitCode != 0, $"{Command}\nwas expected to fail\nstdout: {Output}\nstderr: {Error}");
        return Error;
    }
}
