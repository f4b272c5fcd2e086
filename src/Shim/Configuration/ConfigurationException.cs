namespace Shim.Configuration;

/// <summary>The configuration cannot be used. The message names the file, the line and the key.</summary>
internal sealed class ConfigurationException(string message, Exception? inner = null) : Exception(message, inner);
