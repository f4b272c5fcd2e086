namespace Testing;

/// <summary>
/// Where the programs are that the tests run: the shim as it was built, and what `build.sh tools` unpacked.
/// </summary>
public static class Tools
{
    public static string Root { get; } = FindRoot();

    public static string Directory { get; } = Environment.GetEnvironmentVariable("TOOLS_DIR") ?? Path.Combine(Root,
        ".tools");

    public static string ShimDirectory { get; } = Path.Combine(Root, "out");

    public static string Shim { get; } = Path.Combine(ShimDirectory, "containerd-shim-runsc-v1");

    public static string Runsc { get; } =
        Environment.GetEnvironmentVariable("RUNSC") is { Length: > 0 } own ? own
            : Path.Combine(Directory, "runsc/usr/bin/runsc");

    public static string RuncDirectory { get; } = Path.Combine(Directory, "runc/usr/sbin");

    /// <summary>containerd 2.x asks for CRIU before the CRI checkpoints anything, whatever the runtime.</summary>
    public static string CriuDirectory { get; } = Path.Combine(Directory, "criu/usr/sbin");

    /// <summary>fuse-overlayfs with fuse's own programs, and mkfs.erofs.</summary>
    public static string FileSystemsPath { get; } = string.Join(':',
        ((string[])["sbin", "bin", "usr/bin"]).Select(static path => Path.Combine(Directory, "filesystems", path)));

    /// <summary>Where the libraries of the unpacked programs are.</summary>
    public static string LibraryPath { get; } = string.Join(':',
        ((string[])["runc/usr/lib", "criu/usr/lib", "criu/lib", "filesystems/usr/lib", "filesystems/lib"])
        .Select(static path =>
            Path.Combine(Directory, path, "x86_64-linux-gnu")));

    public static string Image { get; } = Path.Combine(Directory, "image.tar");

    public const string ImageName = "localhost/busybox:test";

    /// <summary>The same busybox, waiting to be killed.</summary>
    public const string PauseImageName = "localhost/pause:test";

    public static string CniDirectory { get; } = Path.Combine(Directory, "cni/usr/lib/cni");

    /// <summary>The versions of containerd that tests are run on; with CONTAINERD= the user's own only.</summary>
    public static IReadOnlyList<string> ContainerdVersions { get; } =
        Environment.GetEnvironmentVariable("CONTAINERD") is { Length: > 0 } ? ["own"] : ["1.6", "1.7", "2.1"];

    /// <summary>The newest of them that is there, for what does not depend on the version.</summary>
    public static string NewestContainerd { get; } =
        ContainerdVersions.LastOrDefault(static version => File.Exists(Containerd(version)), ContainerdVersions[^1]);

    public static string Containerd(string version) =>
        version == "own"
            ? Environment.GetEnvironmentVariable("CONTAINERD")!
            : Path.Combine(Directory, $"containerd-{version}/usr/bin/containerd");

    private static string FindRoot()
    {
        for (string? at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
            if (File.Exists(Path.Combine(at, "Shim.sln")))
                return at;
        throw new InvalidOperationException("the tests run inside of a checkout; Shim.sln was not found above them");
    }
}
