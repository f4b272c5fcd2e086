using System.Globalization;
using System.Text;

namespace Linux;

/// <summary>
/// The fields of a line of /proc/PID/mountinfo (proc_pid_mountinfo(5)), as spans of the line:
/// <code>
/// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
/// 1  2  3    4     5     6          7        8 9    10        11
/// </code>
/// </summary>
internal readonly ref struct MountInfo
{
    /// <summary>Field 4: the directory of the file system that is mounted; escaped.</summary>
    internal ReadOnlySpan<char> Root { get; private init; }

    /// <summary>Field 5: the mount point; escaped.</summary>
    internal ReadOnlySpan<char> MountPoint { get; private init; }

    /// <summary>Field 9: the file system's type.</summary>
    internal ReadOnlySpan<char> Type { get; private init; }

    /// <summary>Field 11: options of the file system.</summary>
    internal ReadOnlySpan<char> SuperOptions { get; private init; }

    /// <summary>Parses one line.</summary>
    /// <returns>False if the line has another form.</returns>
    internal static bool TryParse(ReadOnlySpan<char> line, out MountInfo info)
    {
        info = default;
        Fields fields = new(line);
        if (!int.TryParse(fields.Next(), CultureInfo.InvariantCulture, out _)) // 1: the mount's id
            return false;
        fields.Next(); // 2: parent
        fields.Next(); // 3: major:minor
        ReadOnlySpan<char> root = fields.Next();
        ReadOnlySpan<char> mountPoint = fields.Next();
        fields.Next(); // 6: options of the mount
        ReadOnlySpan<char> optional; // 7: zero or more optional fields, then 8: a hyphen
        do
            optional = fields.Next();
        while (!optional.IsEmpty && optional is not "-");
        ReadOnlySpan<char> type = fields.Next();
        fields.Next(); // 10: source
        ReadOnlySpan<char> superOptions = fields.Next();
        if (optional.IsEmpty || type.IsEmpty)
            return false;
        info = new MountInfo
        {
            Root = root,
            MountPoint = mountPoint,
            Type = type,
            SuperOptions = superOptions,
        };
        return true;
    }

    /// <summary>Undoes the escapes of a field: the kernel writes space, tab, newline, backslash and # in octal, as
    /// \040.</summary>
    internal static string Decode(ReadOnlySpan<char> field)
    {
        if (!field.Contains('\\'))
            return field.ToString();
        StringBuilder text = new(field.Length);
        for (int i = 0; i < field.Length; i++)
        {
            if (field[i] == '\\' && i + 3 < field.Length && IsOctal(field[i + 1]) && IsOctal(field[i + 2])
                && IsOctal(field[i + 3]))
            {
                text.Append((char)(((field[i + 1] - '0') << 6) | ((field[i + 2] - '0') << 3) | (field[i + 3] - '0')));
                i += 3;
            }
            else
            {
                text.Append(field[i]);
            }
        }
        return text.ToString();
    }

    private static bool IsOctal(char c) => c is >= '0' and <= '7';

    private ref struct Fields(ReadOnlySpan<char> line)
    {
        private ReadOnlySpan<char> _rest = line;

        internal ReadOnlySpan<char> Next()
        {
            int space = _rest.IndexOf(' ');
            ReadOnlySpan<char> field = space < 0 ? _rest : _rest[..space];
            _rest = space < 0 ? default : _rest[(space + 1)..];
            return field;
        }
    }
}
