namespace Shim;

/// <summary>Booleans as gVisor and containerd, and so their users, write them.</summary>
internal static class GoBoolean
{
    /// <summary>As Go's strconv.ParseBool reads it; null for anything else.</summary>
    public static bool? Parse(string value) => value switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => null,
    };
}
