using Shim.Bundles;
using Shim.Io;

namespace Shim.Containers;

/// <summary>A process that Exec added to a container.</summary>
/// <param name="process">Its life.</param>
/// <param name="stdio">Its streams, which are opened when it is started.</param>
/// <param name="bundle">The container's bundle, which holds its files.</param>
internal sealed class Exec(ContainerProcess process, DeferredStdio stdio, Bundle bundle)
{
    /// <summary>Its life.</summary>
    public ContainerProcess Process { get; } = process;

    /// <summary>Its streams.</summary>
    public DeferredStdio Stdio { get; } = stdio;

    /// <summary>The OCI process, as JSON.</summary>
    public string SpecFile => bundle.ExecFile(Process.Id, "json");

    /// <summary>The file in which runsc writes the id of the process of the node.</summary>
    public string PidFile => bundle.ExecFile(Process.Id, "pid");

    /// <summary>The file in which runsc writes the id inside the sandbox.</summary>
    public string InternalPidFile => bundle.ExecFile(Process.Id, "internal-pid");

    /// <summary>runsc's log of commands on this process.</summary>
    public string Log => bundle.ExecFile(Process.Id, "log");

    /// <summary>Its id inside the sandbox; 0 before it is started.</summary>
    public int InternalPid { get; set; }

    /// <summary>Removes its files.</summary>
    public void RemoveFiles()
    {
        foreach (string path in (ReadOnlySpan<string>)[SpecFile, PidFile, InternalPidFile, Log])
            Undo.Delete(path);
    }
}
