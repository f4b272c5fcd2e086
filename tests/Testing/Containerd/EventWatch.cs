using System.Diagnostics;

namespace Testing;

/// <summary>`ctr events`: what containerd's clients hear.</summary>
public sealed class EventWatch : IAsyncDisposable
{
    private readonly Process _process;
    private readonly List<string> _lines = [];

    private EventWatch(Process process) => _process = process;

    /// <summary>Listens from now on.</summary>
    public static EventWatch Open(Daemon daemon)
    {
        var stream = new EventWatch(Command.Start(daemon.Ctr, ["-a", daemon.Socket, "events"],
            environment: Daemon.CtrEnvironment));
        stream._process.OutputDataReceived += (_, e) =>
        {
            lock (stream._lines)
                if (e.Data is not null)
                    stream._lines.Add(e.Data);
        };
        stream._process.BeginOutputReadLine();
        stream.ProveListening(daemon);
        return stream;
    }

    /// <summary>The topics of a container's task, in order, until <paramref name="until"/> has come.</summary>
    public async Task<string[]> TaskTopicsAsync(string id, string until, int times = 1)
    {
        string[] topics = [];
        await Eventually.TrueAsync($"event {until} of {id}", () =>
        {
            topics = TopicsOf(id);
            return topics.Count(topic => topic == until) >= times;
        });
        return topics;
    }

    /// <summary>The lines about a container: time, namespace, topic, JSON.</summary>
    public string[] LinesOf(string id)
    {
        lock (_lines)
            return [.. _lines.Where(line => line.Contains($"\"container_id\":\"{id}\"", StringComparison.Ordinal))];
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private string[] TopicsOf(string id) =>
        [.. LinesOf(id).Select(line =>
            line.Split(' ').First(part => part.StartsWith("/tasks/", StringComparison.Ordinal)))];

    /// <summary>
    /// There is no answer that says "subscribed", so something is done that makes events until one comes.
    /// </summary>
    private void ProveListening(Daemon daemon)
    {
        for (int i = 0; i < 100; i++)
        {
            daemon.CtrAsync("namespaces", "create", $"probe{i}").GetAwaiter().GetResult().Succeeded();
            daemon.CtrAsync("namespaces", "rm", $"probe{i}").GetAwaiter().GetResult().Succeeded();
            lock (_lines)
                if (_lines.Count > 0)
                    return;
        }
        throw new TimeoutException("ctr events says nothing");
    }
}
