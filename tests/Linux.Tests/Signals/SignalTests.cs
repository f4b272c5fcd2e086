using System.Globalization;
using Linux.Tests.Peer;

namespace Linux.Tests;

/// <summary>Where signals must be blocked in every thread, a test runs in a separate process.</summary>
public sealed class SignalTests
{
    [Fact]
    public void Signals_arrive_through_the_descriptor() => PeerProcess.Run(SignalsArrive);

    private static void SignalsArrive() => Loops.Run(async loop =>
    {
        using SignalDescriptor signals = SignalDescriptor.Open(loop, SignalSet.Of(Signals.SIGTERM, Signals.SIGUSR1));
        ValueTask<SignalInfo> next = signals.ReadAsync();
        Signals.Send(Environment.ProcessId, Signals.SIGUSR1);
        Assert.Equal(new SignalInfo(Signals.SIGUSR1, Environment.ProcessId), await next);
        Signals.Send(Environment.ProcessId, Signals.SIGTERM);
        Assert.Equal(Signals.SIGTERM, (await signals.ReadAsync()).Signal);
    });

    [Fact]
    public void Exec_of_self_blocks_signals_in_every_thread() => PeerProcess.Run(ExecSelf, default(SignalSet));

    private static void ExecSelf()
    {
        if (!SignalMask.Current.Contains(PeerProcess.DaemonSignals))
            ProcessImage.Exec(PeerProcess.DaemonSignals);
        foreach (string task in Directory.GetDirectories("/proc/self/task"))
        {
            const string Key = "SigBlk:";
            string blocked = File.ReadLines($"{task}/status")
                .First(line => line.StartsWith(Key, StringComparison.Ordinal))[Key.Length..].Trim();
            SignalSet set = new(ulong.Parse(blocked, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            Assert.True(set.Contains(PeerProcess.DaemonSignals), $"{task}: {blocked}");
        }
    }

    [Fact]
    public void A_signal_that_is_not_blocked_is_rejected() => Loops.Run(loop =>
    {
        Assert.Throws<InvalidOperationException>(() => SignalDescriptor.Open(loop, SignalSet.Of(Signals.SIGUSR1)));
        return Task.CompletedTask;
    });
}
