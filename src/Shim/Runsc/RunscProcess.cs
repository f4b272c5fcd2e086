using Linux;

namespace Shim.Runsc;

/// <summary>How a runsc command is started.</summary>
internal static class RunscProcess
{
    /// <param name="argv">The binary, its flags, the command and its arguments.</param>
    /// <param name="descriptors">Its descriptors; null stands for /dev/null.</param>
    /// <param name="leavesSandbox">Whether it leaves a sandbox behind.</param>
    public static SpawnRequest Request(
        IReadOnlyList<string> argv, IReadOnlyList<Descriptor?> descriptors, bool leavesSandbox = false) => new()
        {
            Path = argv[0],
            Arguments = argv,
            Descriptors = descriptors,
            // Releases before release-20260714.0 register for membarrier in every command, and exec takes 26 ms instead
            // of 16. Only a sandbox needs it.
            WithoutMembarrier = !leavesSandbox,
        };
}
