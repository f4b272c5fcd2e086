namespace Shim.Commands;

/// <summary><c>-h</c>: explains the program to people who run it by hand.</summary>
internal static class HelpCommand
{
    private const string Text =
        """
        containerd-shim-runsc-v1: runs containers in gVisor for containerd.

        containerd starts this program for runtime_type = "io.containerd.runsc.v1"; you do not need to run it yourself.
        containerd finds it on its PATH, or by an absolute path that is given as the runtime.

          -v                                        print the version, and that of the runsc that would be used
          -info                                     print containerd's RuntimeInfo, as binary protobuf
          features                                  print the OCI features, as JSON; CRI-O asks for them
          -namespace NS -id ID [FLAGS] start        start a serving shim (in the bundle), print its address
          -namespace NS -id ID [FLAGS] delete       clean up after a container (in the bundle, or with -bundle)
          -namespace NS -id ID [FLAGS]              serve on descriptor 3, or with -socket PATH
          explain --help                            how to find out what happens to a pod's volumes, and why

        Flags: -address SOCKET  containerd's grpc socket       -publish-binary PATH  containerd
               -bundle DIR      the container's bundle         -socket PATH          where to listen
               -debug           log debug messages

        Configuration: the file that containerd's runtime options name as ConfigPath, else the first that exists of
        /run/containerd/runsc/config.toml, /etc/containerd/runsc/config.toml and /etc/containerd/runsc.toml.
        """;

    public static int Run()
    {
        StandardStreams.WriteLine(Text);
        return 0;
    }
}
