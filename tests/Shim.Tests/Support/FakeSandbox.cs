using System.Text;
using Linux;

namespace Shim.Tests.Support;

/// <summary>A sandbox's control socket that answers what it is told to, one question after the other.</summary>
internal sealed class FakeSandbox : IDisposable
{
    private readonly UnixListener _listener;
    private readonly string _path;
    private readonly TaskCompletionSource _asked = new(), _closed = new();
    private UnixConnection? _connection;

    public FakeSandbox(string path)
    {
        _path = path;
        _listener = UnixListener.Bind(path);
        _ = ServeAsync();
    }

    public List<string> Asked { get; } = [];

    /// <summary>The pieces of every answer; none: it is silent.</summary>
    public string[] Answers { get; set; } = [];

    /// <summary>Gives the asking side time to take each piece before the next.</summary>
    public bool Drips { get; set; }

    public bool CloseAfter { get; set; }

    /// <summary>What an answer waits for.</summary>
    public Task Held { get; set; } = Task.CompletedTask;

    /// <summary>A question has arrived.</summary>
    public Task AskedAsync => _asked.Task;

    /// <summary>The asking side has closed a connection.</summary>
    public Task ClosedAsync => _closed.Task;

    public void Dispose()
    {
        _listener.Dispose();
        _connection?.Dispose();
        File.Delete(_path);
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            using UnixConnection connection = _connection = await _listener.AcceptAsync();
            byte[] buffer = new byte[4096];
            Asked.Add(Encoding.UTF8.GetString(buffer, 0, await connection.Stream.ReadAsync(buffer)));
            _asked.TrySetResult();
            await Held;
            try
            {
                foreach (string answer in Answers)
                {
                    await connection.Stream.WriteAsync(Encoding.UTF8.GetBytes(answer));
                    // The loop looks at its descriptors after some hundred posts.
                    for (int posts = Drips ? 300 : 1; posts > 0; posts--)
                        await Task.Yield();
                }
                if (!CloseAfter && await connection.Stream.ReadAsync(buffer) == 0)
                    _closed.TrySetResult();
            }
            catch (LinuxException)
            {
                _closed.TrySetResult(); // it was cut off
            }
        }
    }
}
