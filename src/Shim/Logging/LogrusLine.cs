using System.Globalization;
using System.Text;

namespace Shim.Logging;

/// <summary>
/// A line of the log in UTF-8 that is never longer than <see cref="Longest"/>: a longer write into a FIFO can be torn
/// by another writer's.
/// </summary>
internal sealed class LogrusLine
{
    /// <summary>The length in bytes that the kernel writes into a pipe at once: PIPE_BUF, see pipe(7).</summary>
    public const int Longest = 4096;

    private const int LongestRune = 4;

    private readonly byte[] _bytes = new byte[Longest];
    private int _length;
    private int _limit;

    /// <summary>What was written.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    /// <summary>Begins another line.</summary>
    public void Clear()
    {
        _length = 0;
        _limit = Longest - 1; // the line's end
    }

    /// <summary>Ends the line.</summary>
    public void End() => _bytes[_length++] = (byte)'\n';

    /// <summary>Appends plain text; what does not fit is left out.</summary>
    public void Write(string text)
    {
        foreach (Rune rune in text.EnumerateRunes())
            if (!TryWrite(rune))
                return;
    }

    /// <summary>Appends a value, in quotes if it needs them.</summary>
    /// <param name="value">The value.</param>
    /// <param name="longest">How many characters of it are written at most.</param>
    public void WriteValue(string value, int longest = Text.LongestValue)
    {
        if (value.Length > 0 && value.Length <= longest && !NeedsQuotes(value))
            Write(value);
        else
            WriteQuoted(value, longest);
    }

    /// <summary>
    /// Appends a text in quotes, so that even a hostile one can neither start a second line or a second field nor hide
    /// what it is.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="longest">How many characters of it are written at most.</param>
    public void WriteQuoted(string text, int longest = Text.LongestValue)
    {
        const int End = 4; // "…" and the quote
        if (_limit - _length <= End + LongestRune)
            return;
        Write("\"");
        _limit -= End;
        int count = 0;
        bool cut = false;
        foreach (Rune rune in text.EnumerateRunes())
            if (cut = count++ == longest || !TryWriteEscaped(rune))
                break;
        _limit += End;
        Write(cut ? "…\"" : "\"");
    }

    private static bool NeedsQuotes(string value)
    {
        foreach (char c in value)
            if (!(char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '/' or '@' or '^' or '+' or ':'))
                return true;
        return false;
    }

    private bool TryWriteEscaped(Rune rune) => rune.Value switch
    {
        '"' => TryWrite("\\\""),
        '\\' => TryWrite("\\\\"),
        '\n' => TryWrite("\\n"),
        '\r' => TryWrite("\\r"),
        '\t' => TryWrite("\\t"),
        >= ' ' and < '\x7f' => TryWrite(rune),
        _ when !Text.IsHidden(rune) => TryWrite(rune),
        <= char.MaxValue => TryWrite(string.Create(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}")),
        _ => TryWrite(string.Create(CultureInfo.InvariantCulture, $"\\U{rune.Value:x8}")),
    };

    private bool TryWrite(string escape)
    {
        if (_length + escape.Length > _limit)
            return false;
        Write(escape);
        return true;
    }

    private bool TryWrite(Rune rune)
    {
        if (_length + rune.Utf8SequenceLength > _limit)
            return false;
        _length += rune.EncodeToUtf8(_bytes.AsSpan(_length));
        return true;
    }
}
