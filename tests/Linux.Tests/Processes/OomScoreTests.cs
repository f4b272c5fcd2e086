using System.Globalization;
using Linux.Tests.Peer;

namespace Linux.Tests;

public sealed class OomScoreTests
{
    [Fact]
    public void Oom_score_of_a_child_is_set_or_falls_back() => PeerProcess.Run(OomScores);

    private static void OomScores()
    {
        (Descriptor read, Descriptor write) = Descriptor.Pipe();
        int pid = Spawner.Spawn(Children.Shell("read x") with { Descriptors = [read] });
        int own = Score(Environment.ProcessId);
        OomScore.Lower(pid, 500); // raising the score is always allowed
        Assert.Equal(500, Score(pid));
        // An invalid score: EINVAL, where a process without CAP_SYS_RESOURCE gets EACCES.
        OomScore.Lower(pid, -5000);
        Assert.Equal(own + 1, Score(pid));
        read.Dispose();
        write.Dispose();
        Children.Wait(pid);
        Assert.Equal(Errno.ENOENT, Assert.Throws<LinuxException>(() => OomScore.Lower(pid, 0)).Errno);

        static int Score(int pid) =>
            int.Parse(File.ReadAllText($"/proc/{pid}/oom_score_adj"), CultureInfo.InvariantCulture);
    }
}
