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
        // A name or a text that is not Unicode.
        catch (InvalidOperationException e)
        {
            throw new JsonException(e.Message, e);
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
}
