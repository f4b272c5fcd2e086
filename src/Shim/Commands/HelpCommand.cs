namespace Shim.Commands;

/// <summary><c>-h</c>: what this program is, for people who run it by hand.</summary>
internal static class HelpCommand
{
    private const string Text =
        """
        containerd-shim-runsc-v1: runs containers in gVisor for containerd.

        containerd starts this program by itself for runtime_type = "io.containerd.runsc.v1"; there is no need to run it
        by hand. It is found on containerd's PATH, or by the absolute path that is named as the runtime.

          -v                                        print the version, and that of the runsc which would be used
          -info                                     print containerd's RuntimeInfo, as binary protobuf
          -namespace NS -id ID [FLAGS] start        start a serving shim (in the bundle), print its address
          -namespace NS -id ID [FLAGS] delete       clean up after a container (in the bundle, or with -bundle)
          -namespace NS -id ID [FLAGS]              serve on descriptor 3, or with -socket PATH
          explain --help                            how to ask what becomes of a pod's volumes, and why

        Flags: -address SOCKET  containerd's grpc socket       -publish-binary PATH  containerd
               -bundle DIR      the container's bundle         -socket PATH          where to listen
               -debug           log debug messages

        Configuration: /run/containerd/runsc/config.toml, /etc/containerd/runsc/config.toml or /etc/containerd/runsc.toml,
        or the file that containerd's runtime options name as ConfigPath.
        """;

    public static int Run()
    {
        StandardStreams.WriteLine(Text);
        return 0;
    }
}
