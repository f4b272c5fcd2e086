using System.Text.Json;

namespace Shim.Runsc;

/// <summary>
/// A sandbox's answer: an object with the fields <c>success</c>, <c>err</c> and <c>result</c>. Only what is asked for
/// is taken out of it: a model of all of it would need many times its memory.
/// </summary>
internal readonly struct SandboxAnswer
{
    private static readonly JsonReaderOptions s_options = new() { MaxDepth = JsonObjectEnd.Deepest };

    /// <summary>Whether the request succeeded.</summary>
    public bool Success { get; private init; }

    /// <summary>The reason if it did not; empty if the sandbox gave none.</summary>
    public string Error { get; private init; }

    /// <summary>Where the result is, if the request succeeded.</summary>
    public Range Result { get; private init; }

    /// <summary>Reads an answer.</summary>
    /// <exception cref="JsonException">It is not valid JSON, or a field is missing.</exception>
    public static SandboxAnswer Parse(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Read(bytes);
        }
        catch (InvalidOperationException e)
        {
            throw NotUnicode(e);
        }
    }

    /// <summary>Reads the result of <see cref="SandboxMethod.Processes"/>: null, or objects with a field <c>pid</c>.
    /// </summary>
    /// <param name="result">The result.</param>
    /// <param name="most">How many are read at most.</param>
    /// <exception cref="JsonException">It is not that.</exception>
    public static IReadOnlyList<int> ReadPids(ReadOnlySpan<byte> result, int most)
    {
        try
        {
            return ReadAll(result, most);
        }
        catch (InvalidOperationException e)
        {
            throw NotUnicode(e);
        }
    }

    private static SandboxAnswer Read(ReadOnlySpan<byte> bytes)
    {
        bool? success = null;
        string error = "";
        Range? result = null;
        var reader = new Utf8JsonReader(bytes, s_options);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isSuccess = reader.ValueTextEquals("success"u8), isError = reader.ValueTextEquals("err"u8);
            bool isResult = reader.ValueTextEquals("result"u8);
            reader.Read();
            int start = (int)reader.TokenStartIndex;
            if (isSuccess)
                success = reader.TokenType is JsonTokenType.True or JsonTokenType.False
                    ? reader.TokenType == JsonTokenType.True : null;
            else if (isError)
                error = reader.TokenType == JsonTokenType.String ? reader.GetString()! : "";
            reader.Skip();
            if (isResult)
                result = start..(int)reader.BytesConsumed;
        }
        if (success is not { } succeeded)
            throw new JsonException("no boolean field success");
        if (succeeded && result is null)
            throw new JsonException("no field result");
        return new SandboxAnswer { Success = succeeded, Error = error, Result = result ?? default };
    }

    private static List<int> ReadAll(ReadOnlySpan<byte> result, int most)
    {
        List<int> pids = [];
        var reader = new Utf8JsonReader(result, s_options);
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
            return pids;
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new JsonException("not a list of processes");
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject && pids.Count < most)
            pids.Add(ReadPid(ref reader));
        return reader.TokenType is JsonTokenType.EndArray or JsonTokenType.StartObject
            ? pids : throw new JsonException("not a list of processes");
    }

    private static int ReadPid(ref Utf8JsonReader reader)
    {
        int? pid = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isPid = reader.ValueTextEquals("pid"u8);
            reader.Read();
            if (isPid)
                pid = reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int number) ? number
                    : throw new JsonException("a process's id is not a number");
            reader.Skip();
        }
        return pid ?? throw new JsonException("a process without an id");
    }

    /// <summary>The reader's exception for a name or a text that is not Unicode.</summary>
    private static JsonException NotUnicode(InvalidOperationException e) => new(e.Message, e);
}
