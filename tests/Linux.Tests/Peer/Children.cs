namespace Linux.Tests.Peer;

internal static class Children
{
    /// <summary>Waits for a child of this process, and returns its exit code, or 128 + signal.</summary>
    public static unsafe int Wait(int pid)
    {
        int status;
        while (Libc.waitpid(pid, &status, 0) < 0)
        {
            if (LinuxException.LastErrno != Errno.EINTR)
                LinuxException.ThrowLast("waitpid");
        }
        return new ProcessExit(pid, status, default).ExitCode;
    }

    public static void Dup2(int from, int to) => LinuxException.ThrowIfFailed(TestLibc.dup2(from, to), "dup2");

    /// <summary>Runs a program to its end, and returns its standard output.</summary>
    public static string Output(SpawnRequest request)
    {
        (Descriptor read, Descriptor write) = Descriptor.Pipe();
        int pid;
        using (write)
        {
            Descriptor?[] descriptors = [.. request.Descriptors];
            if (descriptors.Length < 2)
                Array.Resize(ref descriptors, 2);
            descriptors[1] ??= write;
            pid = Spawner.Spawn(request with { Descriptors = descriptors });
        }
        string output = Loops.Run(async loop =>
        {
            using DescriptorStream stream = new(loop, read);
            return await Streams.ReadToEnd(stream);
        });
        Assert.Equal(0, Wait(pid));
        return output;
    }

    public static SpawnRequest Shell(string script) =>
        new() { Path = "/bin/sh", Arguments = ["sh", "-c", script] };
}
