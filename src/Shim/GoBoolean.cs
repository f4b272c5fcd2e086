namespace Shim;

/// <summary>Booleans as gVisor, containerd and their users write them.</summary>
internal static class GoBoolean
{
    /// <summary>The value according to Go's strconv.ParseBool; null for anything else.</summary>
    public static bool? Parse(string value) => value switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => null,
    };
}
