namespace Shim.Runsc;

/// <summary>From what, and how, <c>runsc restore</c> restores, or <c>runsc create</c> restores file systems.</summary>
/// <param name="ImagePath">The image's directory.</param>
/// <param name="Direct">The pages are read past the node's page cache.</param>
/// <param name="Background">The pages are loaded while the containers run already; needs a newer runsc.</param>
internal readonly record struct RestoreSettings(string ImagePath, bool Direct = false, bool Background = false);
