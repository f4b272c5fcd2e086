using System.Globalization;
using System.Text;

namespace Shim;

/// <summary>Texts that a stranger wrote, as messages may hold them.</summary>
internal static class Text
{
    /// <summary>The longest value in a message, in characters.</summary>
    public const int LongestValue = 256;

    /// <summary>
    /// The text, or its beginning if it is long: a message says which value it is about, and is not filled by it.
    /// </summary>
    public static string Short(this string text)
    {
        if (text.Length <= LongestValue)
            return text;
        int end = char.IsHighSurrogate(text[LongestValue - 1]) ? LongestValue - 1 : LongestValue;
        return $"{text.AsSpan(0, end)}… ({text.Length} characters)";
    }

    /// <summary>
    /// Whether a character would not be seen as itself: a control character, one that turns the direction of writing or
    /// has no width, a line's end, one that no standard assigns.
    /// </summary>
    public static bool IsHidden(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control
        or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned;
}
