using System.Runtime.InteropServices;
using System.Text;
using Linux;
using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>A kubelet's directory with one pod, in a temporary directory.</summary>
internal sealed class KubeletDirectory : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly List<string> _mounts = [];

    public KubeletDirectory() => Directory.CreateDirectory(EmptyDirs);

    /// <summary>A path beside kubelet's directory.</summary>
    public string this[string name] => _directory[name];

    public string Root => _directory["kubelet"];

    public string Pods => $"{Root}/pods";

    public string Pod => $"{Pods}/{ExamplePod.Uid}";

    public string Volumes => $"{Pod}/volumes";

    public string EmptyDirs => $"{Volumes}/{PodVolume.EmptyDirPlugin}";

    /// <summary>Creates an emptyDir with empty files in it.</summary>
    public string AddEmptyDir(string name, params IReadOnlyList<string> files)
    {
        string path = Directory.CreateDirectory($"{EmptyDirs}/{name}").FullName;
        foreach (string file in files)
            File.WriteAllText($"{path}/{file}", "");
        return path;
    }

    /// <summary>Creates a volume of another type.</summary>
    public string AddOther(string name, string plugin = ExamplePod.CsiPlugin) =>
        Directory.CreateDirectory($"{Volumes}/{plugin}/{name}").FullName;

    /// <summary>Creates a directory whose name is not valid UTF-8.</summary>
    public static void AddDirectoryWithInvalidName(string parent)
    {
        if (mkdir([.. Encoding.UTF8.GetBytes(parent), (byte)'/', (byte)'a', 0xff, 0], 0x1c0) < 0)
            throw new LinuxException((Errno)Marshal.GetLastPInvokeError(), "mkdir", parent);
    }

    /// <summary>Mounts a file system on a directory, until this is disposed.</summary>
    public void Mount(string path, MountSpec mount)
    {
        Mounts.Mount([mount], path);
        _mounts.Add(path);
    }

    /// <summary>Reads the pod's volumes.</summary>
    public PodVolumes Read() => PodVolumesReader.Read(Root, ExamplePod.Uid);

    /// <summary>Reads the pod's volumes and returns the directory of one emptyDir.</summary>
    public EmptyDirectory ReadEmptyDir(string name)
    {
        PodVolume volume = Assert.Single(Read().Volumes, volume => volume.Name == name);
        Assert.NotNull(volume.Directory);
        return volume.Directory;
    }

    /// <summary>Runs a function on this thread with the file permissions of the user nobody.</summary>
    public void AsNobody(Action act)
    {
        const int Nobody = 65534;
        foreach (string path in (string[])[_directory.Path, Root, Pods, Pod, Volumes, EmptyDirs])
            File.SetUnixFileMode(path, (UnixFileMode)0b111_101_101);
        _ = setfsuid(Nobody);
        try
        {
            act();
        }
        finally
        {
            _ = setfsuid(0);
        }
    }

    public void Dispose()
    {
        foreach (string path in _mounts)
            Mounts.UnmountAll(path);
        DirectoryTree.Delete(Root); // .NET cannot remove a file whose name is not valid UTF-8
        _directory.Dispose();
    }

    [DllImport("libc")]
    private static extern int setfsuid(int uid);

    [DllImport("libc", SetLastError = true)]
    private static extern int mkdir(byte[] path, uint mode);
}
