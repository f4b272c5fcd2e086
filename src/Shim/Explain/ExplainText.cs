using System.Globalization;
using System.Text;

namespace Shim.Explain;

/// <summary>Text for a terminal, with parts that a pod's owner or a program in a pod may have chosen.</summary>
internal static class ExplainText
{
    private const string Gap = "  ";

    /// <summary>
    /// The text with everything escaped that a terminal would act on or not show: control characters, line separators,
    /// and characters that change the direction of the text or are invisible.
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
    /// <param name="output">Receives the lines.</param>
    /// <param name="rows">The header and the rows below it, all with the same number of cells.</param>
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

    // A backslash is escaped too, so that escapes are unambiguous.
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
