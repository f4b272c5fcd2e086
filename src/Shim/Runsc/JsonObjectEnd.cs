using System.Text.Json;

namespace Shim.Runsc;

/// <summary>
/// Finds where a JSON object ends that arrives in pieces. Each byte is looked at once: whoever sends it a byte at a time
/// makes as little work as whoever sends it at once. Whether it is JSON at all is for the parser to say.
/// </summary>
internal struct JsonObjectEnd
{
    /// <summary>The deepest nesting that is followed.</summary>
    public const int Deepest = 32;

    private int _depth;
    private bool _inString;
    private bool _escaped;

    /// <summary>Looks at the next piece.</summary>
    /// <returns>How many of its bytes belong to the object, which ends there; 0 where it goes on after the piece.</returns>
    /// <exception cref="JsonException">It is no object, or nests too deep.</exception>
    public int Find(ReadOnlySpan<byte> piece)
    {
        for (int i = 0; i < piece.Length; i++)
        {
            byte each = piece[i];
            if (_inString)
            {
                if (_escaped)
                    _escaped = false;
                else if (each == '\\')
                    _escaped = true;
                else
                    _inString = each != '"';
                continue;
            }
            switch (each)
            {
                case (byte)'{' or (byte)'[' when _depth > 0 || each == '{':
                    if (++_depth > Deepest)
                        throw new JsonException($"it nests deeper than {Deepest}");
                    break;
                case (byte)'}' or (byte)']' when _depth > 0:
                    if (--_depth == 0)
                        return i + 1;
                    break;
                case (byte)'"' when _depth > 0:
                    _inString = true;
                    break;
                case (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n':
                    break;
                default:
                    if (_depth == 0)
                        throw new JsonException("it is no object");
                    break;
            }
        }
        return 0;
    }
}
