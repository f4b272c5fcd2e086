using System.Globalization;
using System.Text;

namespace Shim.Explain;

/// <summary>Text for a terminal, made of words that a pod's owner or a program in a pod may have chosen.</summary>
internal static class ExplainText
{
    private const string Gap = "  ";

    /// <summary>
    /// The text with everything escaped that a terminal would obey instead of showing it: control characters, line
    /// separators, and those that turn the direction of the text or are not seen at all.
    /// </summary>
    public static string Escape(string text)
    {
        StringBuilder? escaped = null;
        int shown = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            int length = rune.Utf16SequenceLength;
            if (IsHarmless(rune))
                escaped?.Append(text, shown, length);
            else
                (escaped ??= new StringBuilder(text, 0, shown, text.Length + 16)).Append(EscapeOf(rune));
            shown += length;
        }
        return escaped?.ToString() ?? text;
    }

    /// <summary>Writes rows as aligned columns, escaped; an empty cell is a dash.</summary>
    /// <param name="output">Gets the lines.</param>
    /// <param name="rows">The header and the lines below it, all with as many cells.</param>
    public static void WriteColumns(StringBuilder output, IReadOnlyList<string[]> rows)
    {
        int[] widths = new int[rows[0].Length];
        List<string[]> cells = new(rows.Count);
        foreach (string[] row in rows)
        {
            string[] line = new string[row.Length];
            for (int i = 0; i < row.Length; i++)
            {
                line[i] = row[i].Length == 0 ? "-" : Escape(row[i]);
                widths[i] = Math.Max(widths[i], WidthOf(line[i]));
            }
            cells.Add(line);
        }
        foreach (string[] line in cells)
        {
            for (int i = 0; i < line.Length - 1; i++)
                output.Append(line[i]).Append(' ', widths[i] - WidthOf(line[i])).Append(Gap);
            output.Append(line[^1]).Append('\n');
        }
    }

    // A backslash too, so that what is escaped can be told from what is written so.
    private static bool IsHarmless(Rune rune) => rune.Value is >= ' ' and < 0x7f and not '\\' || (rune.Value >= 0xa0
        && Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator));

    private static string EscapeOf(Rune rune) => rune.Value switch
    {
        '\\' => @"\\",
        '\n' => @"\n",
        '\r' => @"\r",
        '\t' => @"\t",
        > 0xffff => $"\\U{rune.Value:x8}",
        _ => $"\\u{rune.Value:x4}",
    };

    private static int WidthOf(string text)
    {
        int width = 0;
        foreach (Rune _ in text.EnumerateRunes())
            width++;
        return width;
    }
}
