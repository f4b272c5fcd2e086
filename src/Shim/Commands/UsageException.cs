namespace Shim.Commands;

/// <summary>The command line makes no sense; the message says what about it.</summary>
public sealed class UsageException(string message) : Exception(message);
