namespace Shim.Runsc;

/// <summary>
/// What a command of runsc printed. <c>binary_name</c> may be a wrapper that prints lines of its own before it.
/// </summary>
internal static class RunscOutput
{
    /// <summary>The JSON object in it: from the first line that begins with a brace; all of it if none does.</summary>
    public static ReadOnlyMemory<byte> Json(ReadOnlyMemory<byte> output) => From(output, "{"u8);

    /// <summary>The same from the first line that begins with this; all of it if none does.</summary>
    public static ReadOnlyMemory<byte> From(ReadOnlyMemory<byte> output, ReadOnlySpan<byte> beginning)
    {
        for (ReadOnlyMemory<byte> rest = output; !rest.IsEmpty;)
        {
            if (rest.Span.StartsWith(beginning))
                return rest;
            int end = rest.Span.IndexOf((byte)'\n');
            rest = end < 0 ? default : rest[(end + 1)..];
        }
        return output;
    }
}
