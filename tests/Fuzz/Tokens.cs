using System.Globalization;
using System.Text;

namespace Fuzz;

/// <summary>
/// The words of a target's inputs, in the format of AFL's dictionaries: each line a text in quotes, with <c>\\</c>,
/// <c>\"</c> and <c>\xNN</c>.
/// </summary>
internal static class Tokens
{
    /// <summary>Reads a dictionary.</summary>
    /// <exception cref="FormatException">A line is not a text in quotes.</exception>
    public static List<byte[]> Read(string path)
    {
        List<byte[]> tokens = [];
        foreach (string line in File.ReadLines(path))
            if (line.Length > 0 && line[0] != '#')
                tokens.Add(Parse(line));
        return tokens;
    }

    private static byte[] Parse(string line)
    {
        if (line is not ['"', .. var text, '"'])
            throw new FormatException($"not a text in quotes: {line}");
        List<byte> bytes = [];
        for (int i = 0; i < text.Length; i++)
            if (text[i] != '\\')
                bytes.AddRange(Encoding.UTF8.GetBytes(text[i..(i + 1)]));
            else if (text[++i] == 'x')
            {
                bytes.Add(byte.Parse(text.AsSpan(i + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                i += 2;
            }
            else
                bytes.Add((byte)text[i]);
        return [.. bytes];
    }
}
