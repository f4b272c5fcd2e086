namespace Shim.Runsc;

/// <summary>The sandbox did not answer, or not as it should: it has ended, hangs, or is another than was expected.</summary>
internal sealed class SandboxSilentException(string message, Exception? inner = null) : Exception(message, inner);
