namespace Shim.Runsc;

/// <summary>Translates containerd's id of a container to runsc's and back.</summary>
/// <remarks>
/// runsc accepts any unambiguous prefix of an id: if there is only <c>web2</c>, <c>runsc delete --force web</c> deletes
/// web2. So no id that runsc sees may be a prefix of another. The ids that CRI creates are hashes of one length and
/// stay unchanged; any other id gets a final character that containerd forbids in ids and runsc allows, so that no
/// other id can start with it. Because of the same prefix match people can still type the plain id. An id that only
/// begins with a hash, which is unusual but allowed, gets the character in front too.
/// </remarks>
internal static class RunscId
{
    private const char Mark = '+';
    private const int HashLength = 64;

    /// <summary>The id for runsc. Idempotent: a result passed in again is returned unchanged.</summary>
    public static string For(string containerdId)
    {
        if (containerdId.EndsWith(Mark))
            return containerdId;
        if (!StartsWithHash(containerdId))
            return containerdId + Mark;
        return containerdId.Length == HashLength ? containerdId : Mark + containerdId + Mark;
    }

    /// <summary>The id for containerd: the inverse of <see cref="For"/>.</summary>
    public static string ToContainerd(string runscId) => runscId.Trim(Mark);

    private static bool StartsWithHash(string id)
    {
        if (id.Length < HashLength)
            return false;
        foreach (char c in id.AsSpan(0, HashLength))
            if (!char.IsAsciiHexDigitLower(c))
                return false;
        return true;
    }
}
