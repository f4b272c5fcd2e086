namespace Shim.Runsc;

/// <summary>
/// The sandbox gave no answer, or an invalid one: it has ended, hangs, or is of an unexpected kind.
/// </summary>
internal sealed class SandboxSilentException(string message, Exception? inner = null) : Exception(message, inner);
