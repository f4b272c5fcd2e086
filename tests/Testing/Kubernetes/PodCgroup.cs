using System.Globalization;

namespace Testing;

/// <summary>
/// The cgroup that a kubelet makes for a pod before its sandbox, in every hierarchy, and removes after it. Containers'
/// own cgroups come and go below it.
/// </summary>
internal sealed class PodCgroup(Daemon daemon, string uid)
{
    private const string MountPoint = "/sys/fs/cgroup";

    /// <summary>As in a sandbox's configuration.</summary>
    public string Path => $"/{RootOf(daemon)}/pod{uid}";

    private static bool IsUnified => File.Exists($"{MountPoint}/cgroup.controllers");

    /// <summary>Links, such as cpu to cpu,cpuacct, lead to another one's directory.</summary>
    private static IEnumerable<string> Hierarchies => IsUnified ? [MountPoint] :
        new DirectoryInfo(MountPoint).EnumerateDirectories().Where(static d => d.LinkTarget is null).Select(static d =>
            d.FullName);

    public void Create()
    {
        foreach (string hierarchy in Hierarchies)
        {
            string parent = hierarchy;
            foreach (string part in Path.Split('/', StringSplitOptions.RemoveEmptyEntries))
            {
                if (IsUnified)
                    foreach (string controller in File.ReadAllText($"{parent}/cgroup.controllers")
                        .Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries))
                        File.WriteAllText($"{parent}/cgroup.subtree_control", $"+{controller}");
                string child = Directory.CreateDirectory($"{parent}/{part}").FullName;
                // Without these no process can enter.
                foreach (string file in (string[])["cpuset.cpus", "cpuset.mems"])
                    if (!IsUnified && File.Exists($"{child}/{file}")
                        && File.ReadAllText($"{child}/{file}").Trim().Length == 0)
                        File.WriteAllText($"{child}/{file}", File.ReadAllText($"{parent}/{file}"));
                parent = child;
            }
        }
    }

    /// <summary>The limit in bytes of a container's cgroup below it.</summary>
    public long MemoryLimit(string container) => long.Parse(
        File.ReadAllText(IsUnified
            ? $"{MountPoint}{Path}/{container}/memory.max"
            : $"{MountPoint}/memory{Path}/{container}/memory.limit_in_bytes"),
        CultureInfo.InvariantCulture);

    /// <summary>
    /// Removes it once the cgroups of its containers are gone, which may take a little longer than the containers. A
    /// cgroup that stays is removed as well, but fails the test; a kubelet removes it silently.
    /// </summary>
    public async Task RemoveAsync()
    {
        string[] directories = [.. Hierarchies.Select(hierarchy => hierarchy + Path).Where(Directory.Exists)];
        string[] Children() => [.. directories.SelectMany(Directory.GetDirectories)];
        try
        {
            await Eventually.TrueAsync($"no container's cgroup is left in {Path}", () => Children().Length == 0);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"cgroups were left in the pod's: {string.Join(' ', Children())}");
        }
        finally
        {
            // Busy until the last of its processes is reaped by the process that inherited it.
            foreach (string directory in directories)
                await Eventually.TrueAsync($"{directory} can be removed", () => Removed(directory));
        }
    }

    /// <summary>The parent of the pods' cgroups: as a kubelet's, under a name that only this daemon uses.</summary>
    public static string RootOf(Daemon daemon) => $"kubepods-test-{daemon.Suffix}/besteffort";

    /// <summary>Removes what all of them share, once the last is gone.</summary>
    public static void RemoveRoot(Daemon daemon)
    {
        foreach (string hierarchy in Hierarchies)
            for (string at = RootOf(daemon); at.Length > 0; at = System.IO.Path.GetDirectoryName(at)!)
                if (Directory.Exists($"{hierarchy}/{at}") && Directory.GetDirectories($"{hierarchy}/{at}").Length == 0)
                    Directory.Delete($"{hierarchy}/{at}");
    }

    private static bool Removed(string directory)
    {
        try
        {
            foreach (string child in Directory.EnumerateDirectories(directory))
                Removed(child);
            Directory.Delete(directory);
            return true;
        }
        catch (IOException)
        {
            return !Directory.Exists(directory);
        }
    }
}
