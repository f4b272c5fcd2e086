namespace Shim.Bundles;

/// <summary>Ids of containers, execs and namespaces, as containerd allows them. They become parts of paths here.</summary>
internal static class Identifier
{
    private const int MaxLength = 76;

    /// <summary>Whether <paramref name="id"/> is one: letters and digits, joined by single '.', '_' or '-'.</summary>
    public static bool IsValid(string id)
    {
        if (id.Length is 0 or > MaxLength)
            return false;
        bool separator = true;
        foreach (char c in id)
        {
            bool now = c is '.' or '_' or '-';
            if (now ? separator : !char.IsAsciiLetterOrDigit(c))
                return false;
            separator = now;
        }
        return !separator;
    }

    /// <summary>Refuses what is not an id.</summary>
    /// <param name="id">The id.</param>
    /// <param name="what">What messages call it.</param>
    /// <exception cref="RefusedException">It is not valid.</exception>
    public static void Require(string id, string what)
    {
        if (!IsValid(id))
            throw new RefusedException(Refusal.InvalidArgument,
                $"{what} \"{id}\" is not valid: letters and digits, joined by single '.', '_' or '-', at most {MaxLength}");
    }
}
