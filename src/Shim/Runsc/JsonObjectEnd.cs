using System.Text.Json;

namespace Shim.Runsc;

/// <summary>
/// Finds the end of a JSON object that arrives in pieces. It examines each byte once, so an object that arrives byte by
/// byte costs no more than one that arrives at once. The parser decides whether the object is valid JSON.
/// </summary>
internal struct JsonObjectEnd
{
    /// <summary>The maximum nesting depth.</summary>
    public const int Deepest = 32;

    private int _depth;
    private bool _inString;
    private bool _escaped;

    /// <summary>Examines the next piece.</summary>
    /// <returns>The number of its bytes up to the object's end; 0 if the object continues after the piece.</returns>
    /// <exception cref="JsonException">It is not an object, or is nested too deeply.</exception>
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
                        throw new JsonException($"nested deeper than {Deepest}");
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
                        throw new JsonException("not an object");
                    break;
            }
        }
        return 0;
    }
}
