using System.Buffers;
using System.Text.Json;
using Linux;

namespace Shim.Runsc;

/// <summary>
/// A sandbox's control socket, which runsc's own commands use too. A request takes a fraction of a millisecond; the
/// command that sends the same request takes 20 ms of CPU time.
/// </summary>
/// <remarks>
/// Each connection carries one JSON object in each direction and is then closed: the sandbox delays its end while an
/// idle connection is open, and loses a second request that comes early. The peer is the sandbox, which may have been
/// taken over by a process in it, so its answers are not trusted, not even to end.
/// </remarks>
internal sealed class SandboxSocket(string path, TimeProvider time)
{
    private const int FirstBuffer = 4096;

    /// <summary>
    /// A sandbox writes an answer at once; the socket's buffer splits it into a few dozen pieces at most.
    /// </summary>
    private const int MostPieces = 1024;

    /// <summary>Why it is no longer used; null while it is.</summary>
    public string? GivenUp { get; private set; }

    /// <summary>Whether it has ever given a valid answer: if so, silence means that it is busy or hangs.</summary>
    public bool HasAnswered { get; private set; }

    /// <summary>Finds the socket of a container's sandbox.</summary>
    /// <param name="root">runsc's root, including the namespace.</param>
    /// <param name="id">The container.</param>
    /// <param name="time">The loop's clock.</param>
    /// <returns>Null if runsc has no record of the container, or one that names no socket.</returns>
    public static SandboxSocket? Find(string root, string id, TimeProvider time) =>
        FindPath(root, id) is { } path ? new SandboxSocket(path, time) : null;

    /// <summary>Finds the socket's path in runsc's record of a container; null as for <see cref="Find"/>.</summary>
    internal static string? FindPath(string root, string id)
    {
        if (RunscStateFile.Find(root, id) is not { } file)
            return null;
        try
        {
            using JsonDocument record = JsonDocument.Parse(File.ReadAllBytes(file));
            JsonElement sandbox = record.RootElement.GetProperty("sandbox"u8);
            if (sandbox.TryGetProperty("controlSocketPath"u8, out JsonElement named)
                && named.GetString() is { Length: > 0 } socket)
                return socket;
            return Path.Join(root, $"runsc-{sandbox.GetProperty("id"u8).GetString()}.sock");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException
            or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Stops using the socket: from now on runsc's commands are used.</summary>
    /// <param name="reason">Why.</param>
    /// <returns>False if it was given up before.</returns>
    public bool GiveUp(string reason)
    {
        if (GivenUp is not null)
            return false;
        GivenUp = reason;
        return true;
    }

    /// <summary>Sends a request and waits for the answer.</summary>
    /// <param name="method">The method.</param>
    /// <param name="argument">Writes its argument.</param>
    /// <param name="read">Reads the result, from memory that is used again afterwards.</param>
    /// <param name="abandon">Ends the wait.</param>
    /// <exception cref="SandboxRefusedException">The sandbox refused the request.</exception>
    /// <exception cref="SandboxSilentException">There was no answer, or an invalid one.</exception>
    /// <exception cref="TimeoutException">There was no answer in time.</exception>
    /// <exception cref="OperationCanceledException">The wait was abandoned.</exception>
    public async Task AskAsync(SandboxMethod method, Action<Utf8JsonWriter> argument,
        Action<ReadOnlyMemory<byte>> read, CancellationToken abandon = default)
    {
        using CancellationTokenSource bound = new(method.Bound, time);
        using CancellationTokenSource? both =
            abandon.CanBeCanceled ? CancellationTokenSource.CreateLinkedTokenSource(bound.Token, abandon) : null;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
        try
        {
            CancellationToken end = both?.Token ?? bound.Token;
            using UnixConnection connection = await UnixSocket.ConnectAsync(path, end);
            await connection.Stream.WriteAsync(Request(method, argument), end);
            var answerEnd = new JsonObjectEnd();
            int length = 0;
            for (int pieces = 0; pieces < MostPieces; pieces++)
            {
                int count = await connection.Stream.ReadAsync(buffer.AsMemory(length), end);
                if (count == 0)
                    throw new SandboxSilentException($"{method}: connection closed after {length} bytes");
                if (answerEnd.Find(buffer.AsSpan(length, count)) is > 0 and int last)
                {
                    ReadAnswer(method, buffer.AsMemory(0, length + last), read);
                    return;
                }
                length += count;
                if (length >= method.LongestAnswer)
                    throw new SandboxSilentException($"{method}: answer of more than {method.LongestAnswer} bytes");
                if (length == buffer.Length)
                    buffer = Larger(buffer);
            }
            throw new SandboxSilentException($"{method}: answer in more than {MostPieces} pieces");
        }
        catch (IOException e)
        {
            throw new SandboxSilentException($"{method}: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw new SandboxSilentException($"{method}: invalid answer: {e.Message}", e);
        }
        catch (OperationCanceledException e) when (!abandon.IsCancellationRequested)
        {
            throw new TimeoutException($"{method}: no answer within {method.Bound.TotalSeconds:0} s", e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static byte[] Larger(byte[] full)
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent(full.Length * 2);
        full.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(full);
        return larger;
    }

    private static ReadOnlyMemory<byte> Request(SandboxMethod method, Action<Utf8JsonWriter> argument)
    {
        var request = new ArrayBufferWriter<byte>(128);
        using var json = new Utf8JsonWriter(request);
        json.WriteStartObject();
        json.WriteString("method"u8, $"containerManager.{method}");
        json.WritePropertyName("arg"u8);
        argument(json);
        json.WriteEndObject();
        json.Flush();
        return request.WrittenMemory;
    }

    /// <exception cref="JsonException">The answer is invalid.</exception>
    /// <exception cref="SandboxRefusedException">The sandbox refused the request.</exception>
    private void ReadAnswer(SandboxMethod method, ReadOnlyMemory<byte> bytes, Action<ReadOnlyMemory<byte>> read)
    {
        SandboxAnswer answer = SandboxAnswer.Parse(bytes.Span);
        HasAnswered = true;
        if (!answer.Success)
            throw new SandboxRefusedException(method.Name, answer.Error.Length > 0 ? answer.Error : "no reason given");
        read(bytes[answer.Result]);
    }
}
