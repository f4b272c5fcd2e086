namespace Shim.Runsc;

/// <summary>
/// Options of a restore: of containers by <c>runsc restore</c>, or of file systems by <c>runsc create</c>.
/// </summary>
/// <param name="ImagePath">The image's directory.</param>
/// <param name="Direct">The pages bypass the node's page cache.</param>
/// <param name="Background">The pages are loaded while the containers are running; needs a newer runsc.</param>
internal readonly record struct RestoreSettings(string ImagePath, bool Direct = false, bool Background = false);
