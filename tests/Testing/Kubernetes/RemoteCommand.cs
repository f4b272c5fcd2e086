using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Testing;

/// <summary>
/// The far end of an exec or attach: the streams that containerd serves at a URL, over a WebSocket. A message's first
/// byte says which stream it belongs to.
/// </summary>
public sealed class RemoteCommand : IAsyncDisposable
{
    private const string Protocol = "v4.channel.k8s.io";
    private const byte Stdin = 0, Stdout = 1, Stderr = 2, Ending = 3, Size = 4;
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(20);

    private readonly ClientWebSocket _socket = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly Dictionary<byte, StringBuilder> _received = [];
    private Task _reading = Task.CompletedTask;

    private RemoteCommand() => _socket.Options.AddSubProtocol(Protocol);

    public string Output => Received(Stdout);

    public string Error => Received(Stderr);

    public static async Task<RemoteCommand> ConnectAsync(string url)
    {
        var command = new RemoteCommand();
        try
        {
            using var bound = new CancellationTokenSource(s_bound);
            await command._socket.ConnectAsync(new UriBuilder(url) { Scheme = "ws" }.Uri, bound.Token);
            command._reading = command.ReadAsync();
            return command;
        }
        catch
        {
            await command.DisposeAsync();
            throw;
        }
    }

    public Task WriteAsync(string text) => SendAsync(Stdin, text);

    public Task ResizeAsync(int columns, int rows) => SendAsync(Size, $"{{\"Width\":{columns},\"Height\":{rows}}}");

    /// <summary>Waits until this was written to its standard output.</summary>
    public async Task UntilOutputAsync(string text)
    {
        try
        {
            await Eventually.TrueAsync(text, () => Output.Contains(text, StringComparison.Ordinal));
        }
        catch (TimeoutException)
        {
            throw new TimeoutException(
                $"no \"{text}\" in the output \"{Output}\"; stderr \"{Error}\", ending \"{Received(Ending)}\"");
        }
    }

    /// <summary>Waits for its end.</summary>
    public async Task<int> ExitCodeAsync()
    {
        await _reading.WaitAsync(s_bound);
        // {"metadata":{},"status":"Failure","reason":"NonZeroExitCode",
        //  "details":{"causes":[{"reason":"ExitCode","message":"3"}]}}
        string ending = Received(Ending);
        Assert.True(ending.Length > 0,
            $"the streams ended without saying how; stdout \"{Output}\", stderr \"{Error}\"");
        using JsonDocument document = JsonDocument.Parse(ending);
        if (document.RootElement.GetProperty("status").GetString() == "Success")
            return 0;
        Assert.True(document.RootElement.TryGetProperty("reason", out JsonElement reason)
            && reason.GetString() == "NonZeroExitCode", ending);
        foreach (JsonElement cause in document.RootElement.GetProperty("details").GetProperty("causes")
            .EnumerateArray())
            if (cause.GetProperty("reason").GetString() == "ExitCode")
                return int.Parse(cause.GetProperty("message").GetString()!,
                    System.Globalization.CultureInfo.InvariantCulture);
        throw new InvalidDataException(ending);
    }

    /// <summary>Goes away, as a client does whose user has pressed Ctrl-C.</summary>
    public async ValueTask DisposeAsync()
    {
        await _closed.CancelAsync();
        try
        {
            await _reading.WaitAsync(s_bound);
        }
        finally
        {
            _socket.Dispose();
            _closed.Dispose();
        }
    }

    private string Received(byte stream)
    {
        lock (_received)
            return _received.TryGetValue(stream, out StringBuilder? text) ? text.ToString() : "";
    }

    private async Task SendAsync(byte stream, string text)
    {
        using var bound = new CancellationTokenSource(s_bound);
        await _socket.SendAsync((byte[])[stream, .. Encoding.UTF8.GetBytes(text)], WebSocketMessageType.Binary, true,
            bound.Token);
    }

    private async Task ReadAsync()
    {
        byte[] buffer = new byte[64 * 1024];
        var message = new List<byte>();
        try
        {
            while (true)
            {
                ValueWebSocketReceiveResult part = await _socket.ReceiveAsync(buffer.AsMemory(), _closed.Token);
                if (part.MessageType == WebSocketMessageType.Close)
                    return;
                message.AddRange(buffer.AsSpan(0, part.Count));
                if (!part.EndOfMessage)
                    continue;
                Add([.. message]);
                message.Clear();
            }
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException)
        {
            // The other side is gone without a word, or this one is.
        }
    }

    private void Add(byte[] message)
    {
        if (message.Length < 2)
            return; // sent for each stream when it is opened
        lock (_received)
        {
            if (!_received.TryGetValue(message[0], out StringBuilder? text))
                _received.Add(message[0], text = new StringBuilder());
            text.Append(Encoding.UTF8.GetString(message.AsSpan(1)));
        }
    }
}
