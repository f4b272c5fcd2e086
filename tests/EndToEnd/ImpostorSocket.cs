using System.Net.Sockets;
using System.Text;
using Testing;

namespace EndToEnd;

/// <summary>
/// What a sandbox that was taken over may answer. Its socket is hidden from the shim behind one on which the test
/// answers, and not from runsc's own commands: these see the right one, in mount namespaces of their own.
/// </summary>
internal sealed class ImpostorSocket : IAsyncDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private Task _answering = Task.CompletedTask;

    /// <summary>For the sandbox of the container <paramref name="id"/>.</summary>
    public ImpostorSocket(string id)
    {
        Id = id;
        Runsc = _directory.WriteProgram("runsc", $$"""
            #!/bin/sh
            for word do case $word in --root=*) root=${word#--root=} ;; esac; done
            fake=$root/runsc-{{id}}+.sock real=$root/real.sock
            if [ -S "$fake" ]; then
              [ -S "$real" ] || exec unshare --mount {{Tools.Runsc}} "$@"
              exec unshare --mount sh -c 'mount --bind "$1" "$2"; shift 2; exec "$@"' \
                sh "$real" "$fake" {{Tools.Runsc}} "$@"
            fi
            {{Tools.Runsc}} "$@" || exit
            case "$*" in *' create '*)
              mv "$fake" "$real"
              : >{{_directory.Path}}/hidden
              until [ -S "$fake" ]; do sleep 0.01; done ;;
            esac
            """);
    }

    /// <summary>The sandbox's first container.</summary>
    public string Id { get; }

    /// <summary>The runsc to configure.</summary>
    public string Runsc { get; }

    /// <summary>Answers every question from now on; null is silence.</summary>
    public void Answer(ShimHarness shim, Func<string, string?> answer) =>
        _answering = AnswerAsync(Path.Combine(shim.RunscRoot, $"test/runsc-{Id}+.sock"), answer);

    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        await Assert.ThrowsAnyAsync<SocketException>(() => _answering);
        _directory.Dispose();
    }

    private async Task AnswerAsync(string path, Func<string, string?> answer)
    {
        await Eventually.TrueAsync("the sandbox's socket is hidden",
            () => File.Exists(Path.Combine(_directory.Path, "hidden")), TimeSpan.FromSeconds(30));
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen();
        List<Socket> silent = [];
        try
        {
            while (true)
            {
                Socket connection = await _listener.AcceptAsync();
                silent.Add(connection);
                byte[] question = new byte[4096];
                int length = await connection.ReceiveAsync(question);
                if (answer(Encoding.UTF8.GetString(question, 0, length)) is not { } said)
                    continue;
                await connection.SendAsync(Encoding.UTF8.GetBytes(said));
                connection.Close();
            }
        }
        finally
        {
            silent.ForEach(static connection => connection.Dispose());
        }
    }
}
