namespace Shim.Runsc;

/// <summary>The sandbox refused a request. The message contains its words.</summary>
internal sealed class SandboxRefusedException(string method, string words) : Exception($"{method}: {words}")
{
    /// <summary>Whether it does not know the method.</summary>
    public bool IsUnknownMethod { get; } = words == "unknown method";
}
