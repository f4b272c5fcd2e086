namespace Shim.Commands;

/// <summary>The command line makes no sense; the message says what about it.</summary>
internal sealed class UsageException(string message) : Exception(message);
