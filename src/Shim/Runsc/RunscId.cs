namespace Shim.Runsc;

/// <summary>What a container is called in runsc's state, given what it is called in containerd's.</summary>
/// <remarks>
/// runsc takes any unambiguous prefix of an id for the id: with only <c>web2</c> there, <c>runsc delete --force web</c>
/// deletes web2. So an id that runsc sees must not be a prefix of another. The ids that CRI makes are hashes of one
/// length and stay as they are; any other gets a final character that containerd forbids in ids and runsc allows, after
/// which nothing can follow. People still type the plain id to runsc, because of the same prefix match. An id that only
/// begins with a hash, which nobody makes but anybody may, gets the character in front too.
/// </remarks>
internal static class RunscId
{
    private const char Mark = '+';
    private const int HashLength = 64;

    /// <summary>The id for runsc. An id that came out of here comes out again as it is.</summary>
    public static string For(string containerdId)
    {
        if (containerdId.EndsWith(Mark))
            return containerdId;
        if (!StartsWithHash(containerdId))
            return containerdId + Mark;
        return containerdId.Length == HashLength ? containerdId : Mark + containerdId + Mark;
    }

    /// <summary>The id for containerd: <see cref="For"/> undone.</summary>
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
