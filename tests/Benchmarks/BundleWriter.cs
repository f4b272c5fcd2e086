using Testing;

namespace Benchmarks;

/// <summary>Bundles that runsc and runc both run, with a cgroup of this run.</summary>
internal static class BundleWriter
{
    public static string Write(string directory, string id, params string[] command)
    {
        string bundle = Path.Combine(directory, id);
        BusyboxBundle.Write(bundle, command,
            spec => spec["linux"]!["cgroupsPath"] = $"/{ContainerCgroups.Parent}/{id}");
        return bundle;
    }
}
