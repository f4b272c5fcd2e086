using System.Buffers;
using System.Text.Json;
using Linux;

namespace Shim.Runsc;

/// <summary>
/// A sandbox's control socket: what runsc's own commands ask their questions through. A question takes a fraction of a
/// millisecond; the command takes 20 ms of processor time to ask the same.
/// </summary>
/// <remarks>
/// One JSON object goes there, one comes back, and the connection is closed: the sandbox delays its end for a
/// connection that stays open idle, and loses a second question that comes early. The other side is the sandbox, which
/// may have been taken over by what runs in it: nothing that it answers is trusted, not even that it ends.
/// </remarks>
internal sealed class SandboxSocket(string path, TimeProvider time)
{
    private const int FirstBuffer = 4096;

    /// <summary>Of a whole answer, which a sandbox writes at once, the socket's buffer makes a few dozen pieces at most.</summary>
    private const int MostPieces = 1024;

    /// <summary>The socket's path.</summary>
    public string Path => path;

    /// <summary>Why it is not asked any more; null while it is.</summary>
    public string? GivenUp { get; private set; }

    /// <summary>Whether it has ever answered as it should: one that is silent later has much to do, or hangs.</summary>
    public bool HasAnswered { get; private set; }

    /// <summary>Finds the socket of a container's sandbox in runsc's record of the container.</summary>
    /// <param name="root">runsc's root, the namespace included.</param>
    /// <param name="id">The container.</param>
    /// <param name="time">The loop's clock.</param>
    /// <returns>Null where runsc has no record, or one that names no socket.</returns>
    public static SandboxSocket? Find(string root, string id, TimeProvider time)
    {
        if (RunscStateFile.Find(root, id) is not { } file)
            return null;
        try
        {
            using JsonDocument record = JsonDocument.Parse(File.ReadAllBytes(file));
            JsonElement sandbox = record.RootElement.GetProperty("sandbox"u8);
            if (sandbox.TryGetProperty("controlSocketPath"u8, out JsonElement named) && named.GetString() is { Length: > 0 } socket)
                return new SandboxSocket(socket, time);
            return new SandboxSocket(System.IO.Path.Join(root, $"runsc-{sandbox.GetProperty("id"u8).GetString()}.sock"), time);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException
            or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>From now on the commands are asked.</summary>
    /// <param name="reason">Why.</param>
    /// <returns>False where that was decided already.</returns>
    public bool GiveUp(string reason)
    {
        if (GivenUp is not null)
            return false;
        GivenUp = reason;
        return true;
    }

    /// <summary>Asks.</summary>
    /// <param name="method">What.</param>
    /// <param name="argument">Writes its argument.</param>
    /// <param name="abandon">Ends the wait.</param>
    /// <returns>The whole answer; its field <c>result</c> is what was asked for. The caller disposes it.</returns>
    /// <exception cref="SandboxRefusedException">The sandbox says no.</exception>
    /// <exception cref="SandboxSilentException">No answer came, or none that is an answer.</exception>
    /// <exception cref="TimeoutException">No answer came in time.</exception>
    /// <exception cref="OperationCanceledException">The wait was abandoned.</exception>
    public async Task<JsonDocument> AskAsync(
        SandboxMethod method, Action<Utf8JsonWriter> argument, CancellationToken abandon = default)
    {
        using CancellationTokenSource bound = new(method.Bound, time);
        using CancellationTokenSource? both =
            abandon.CanBeCanceled ? CancellationTokenSource.CreateLinkedTokenSource(bound.Token, abandon) : null;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
        try
        {
            CancellationToken end = both?.Token ?? bound.Token;
            using UnixConnection connection = await UnixSocket.ConnectAsync(path, end);
            await connection.Stream.WriteAsync(Question(method, argument), end);
            var answerEnd = new JsonObjectEnd();
            int length = 0;
            for (int pieces = 0; pieces < MostPieces; pieces++)
            {
                int count = await connection.Stream.ReadAsync(buffer.AsMemory(length), end);
                if (count == 0)
                    throw new SandboxSilentException($"{method}: the connection ended after {length} bytes");
                if (answerEnd.Find(buffer.AsSpan(length, count)) is > 0 and int last)
                    return Answer(method, buffer.AsSpan(0, length + last));
                length += count;
                if (length >= method.LongestAnswer)
                    throw new SandboxSilentException($"{method}: the answer has more than {method.LongestAnswer} bytes");
                if (length == buffer.Length)
                    buffer = Larger(buffer);
            }
            throw new SandboxSilentException($"{method}: the answer comes in more than {MostPieces} pieces");
        }
        catch (IOException e)
        {
            throw new SandboxSilentException($"{method}: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw new SandboxSilentException($"{method}: the answer is not the JSON that was expected: {e.Message}", e);
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

    private static ReadOnlyMemory<byte> Question(SandboxMethod method, Action<Utf8JsonWriter> argument)
    {
        var question = new ArrayBufferWriter<byte>(128);
        using var json = new Utf8JsonWriter(question);
        json.WriteStartObject();
        json.WriteString("method"u8, $"containerManager.{method}");
        json.WritePropertyName("arg"u8);
        argument(json);
        json.WriteEndObject();
        json.Flush();
        return question.WrittenMemory;
    }

    /// <exception cref="JsonException">It is none.</exception>
    /// <exception cref="SandboxRefusedException">It says no.</exception>
    private JsonDocument Answer(SandboxMethod method, ReadOnlySpan<byte> bytes)
    {
        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = JsonObjectEnd.Deepest });
        JsonDocument? answer = JsonDocument.ParseValue(ref reader);
        try
        {
            JsonElement root = answer.RootElement;
            if (!root.TryGetProperty("success"u8, out JsonElement success)
                || success.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
                throw new JsonException("there is no field success");
            HasAnswered = true;
            if (success.ValueKind == JsonValueKind.True)
                return root.TryGetProperty("result"u8, out _) ? Keep(ref answer) : throw new JsonException("there is no field result");
            string words = root.TryGetProperty("err"u8, out JsonElement err) && err.ValueKind == JsonValueKind.String
                ? err.GetString()! : "";
            throw new SandboxRefusedException(method.Name, words.Length > 0 ? words : "no reason given");
        }
        catch (InvalidOperationException e) // text that is no UTF-8
        {
            throw new JsonException(e.Message, e);
        }
        finally
        {
            answer?.Dispose();
        }
    }

    private static JsonDocument Keep(ref JsonDocument? answer)
    {
        JsonDocument kept = answer!;
        answer = null;
        return kept;
    }
}
