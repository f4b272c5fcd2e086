using System.Diagnostics;

namespace Ttrpc.Tests.Support;

/// <summary>
/// go-peer/main.go, built once with Debian's packages of Go and ttrpc, which build.sh unpacks under TOOLS_DIR. Without
/// them the tests that need it are skipped.
/// </summary>
public sealed class GoPeer : IDisposable
{
    private static readonly string s_tools = FindTools();

    private readonly List<Process> _servers = [];
    private readonly Lazy<string> _binary = new(Build);

    /// <summary>Runs <c>go-peer call</c> and returns the lines of its output.</summary>
    public async Task<string[]> CallAsync(string socket)
    {
        using Process peer = Start(Binary(), "call", socket);
        Task<string> output = peer.StandardOutput.ReadToEndAsync();
        Task<string> errors = peer.StandardError.ReadToEndAsync();
        try
        {
            await peer.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        }
        catch (TimeoutException)
        {
            peer.Kill();
            throw;
        }

        Assert.True(peer.ExitCode == 0, await errors);
        return (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Starts <c>go-peer serve</c> and waits until it listens.</summary>
    public async Task ServeAsync(string socket)
    {
        Process peer = Start(Binary(), "serve", socket);
        _servers.Add(peer);
        Assert.Equal("ready", await peer.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(20)));
    }

    public void Dispose()
    {
        foreach (Process server in _servers)
        {
            server.StandardInput.Close();
            if (!server.WaitForExit(TimeSpan.FromSeconds(5)))
                server.Kill();
            server.Dispose();
        }
    }

    private static string FindTools()
    {
        if (Environment.GetEnvironmentVariable("TOOLS_DIR") is { Length: > 0 } directory)
            return directory;
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Shim.sln")))
                return Path.Combine(folder.FullName, ".tools");
        }

        return ".tools";
    }

    private static string Build()
    {
        string go = Directory.EnumerateDirectories(Path.Combine(s_tools, "go/usr/lib"), "go-*").Single();
        string binary = Path.Combine(AppContext.BaseDirectory, "go-peer");
        string source = Path.Combine(AppContext.BaseDirectory, "main.go");
        var build = new ProcessStartInfo(Path.Combine(go, "bin/go"), ["build", "-trimpath", "-o", binary, source])
        {
            RedirectStandardError = true,
            Environment =
            {
                // Debian packages GOPATH sources, not modules; nothing is downloaded.
                ["GO111MODULE"] = "off",
                ["GOPROXY"] = "off",
                ["GOTOOLCHAIN"] = "local",
                ["GOFLAGS"] = "",
                ["GOROOT"] = go,
                ["GOPATH"] = Path.Combine(s_tools, "go/usr/share/gocode"),
                ["GOCACHE"] = Path.Combine(s_tools, "go-cache"),
                ["CGO_ENABLED"] = "0",
            },
        };
        using Process process = Process.Start(build)!;
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, errors);
        return binary;
    }

    private static Process Start(string binary, string role, string socket) => Process.Start(
        new ProcessStartInfo(binary, [role, socket])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;

    private string Binary()
    {
        Assert.SkipUnless(
            Directory.Exists(Path.Combine(s_tools, "go/usr/lib"))
                && Directory.Exists(Path.Combine(s_tools, "go/usr/share/gocode/src/github.com/containerd/ttrpc")),
            $"needs Go and its ttrpc under {s_tools}/go: run ./build.sh tools, or set TOOLS_DIR");
        return _binary.Value;
    }
}
