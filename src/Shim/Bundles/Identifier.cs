namespace Shim.Bundles;

/// <summary>Ids of containers, execs and namespaces, as containerd allows them. They become parts of paths.</summary>
internal static class Identifier
{
    private const int MaxLength = 76;

    /// <summary>Whether <paramref name="id"/> is valid: letters and digits, joined by single '.', '_' or '-'.</summary>
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

    /// <summary>Rejects an invalid id.</summary>
    /// <param name="id">The id.</param>
    /// <param name="what">What it identifies, for messages: "container id".</param>
    /// <exception cref="RefusedException">It is not valid.</exception>
    public static void Require(string id, string what)
    {
        if (!IsValid(id))
            throw new RefusedException(Refusal.InvalidArgument,
                $"{what} \"{id.Short()}\" is not valid: it must be letters and "
                + $"digits, joined by single '.', '_' or '-', at most {MaxLength} characters");
    }
}
