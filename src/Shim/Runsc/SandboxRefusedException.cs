namespace Shim.Runsc;

/// <summary>The sandbox answered that it does not do what was asked. The message holds its words.</summary>
internal sealed class SandboxRefusedException(string method, string words) : Exception($"{method}: {words}")
{
    /// <summary>Whether it does not know the question itself.</summary>
    public bool IsUnknownMethod { get; } = words == "unknown method";
}
