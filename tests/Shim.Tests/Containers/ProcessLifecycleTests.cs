using Shim.Containers;
using static Shim.Containers.ProcessState;
using static Shim.Containers.ProcessVerb;

namespace Shim.Tests.Containers;

public sealed class ProcessLifecycleTests
{
    private static readonly ProcessVerb[] s_verbs = [Start, Pause, Resume, Exit, Delete];

    private static readonly Dictionary<ProcessState, ProcessState?[]> s_table = new()
    {
        //          Start    Pause   Resume   Exit     Delete
        [Created] = [Running, null, null, Stopped, Deleted],
        [Running] = [null, Paused, null, Stopped, null],
        [Paused] = [null, null, Running, Stopped, null],
        [Stopped] = [null, null, null, null, Deleted],
        [Deleted] = [null, null, null, null, null],
    };

    [Fact]
    public void Every_verb_in_every_state()
    {
        foreach (ProcessState state in Enum.GetValues<ProcessState>())
            foreach (ProcessVerb verb in Enum.GetValues<ProcessVerb>())
                AssertMoves(state, verb);
    }

    private static void AssertMoves(ProcessState state, ProcessVerb verb)
    {
        ProcessState? expected = s_table[state][Array.IndexOf(s_verbs, verb)];
        Assert.Equal(expected, ProcessLifecycle.Next(state, verb));
        if (expected is { } next)
        {
            Assert.Equal(next, ProcessLifecycle.Move(state, verb, "exec e of container web"));
            return;
        }
        RefusedException e =
            Assert.Throws<RefusedException>(() => ProcessLifecycle.Move(state, verb, "exec e of container web"));
        Assert.Equal(state == Deleted ? Refusal.NotFound : Refusal.WrongState, e.Refusal);
        Assert.Contains("exec e of container web", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Running, Start, "cannot start container web: it is running")]
    [InlineData(Stopped, Pause, "cannot pause container web: it is stopped")]
    [InlineData(Created, Resume, "cannot resume container web: it is created")]
    [InlineData(Stopped, Exit, "cannot end container web: it is stopped")]
    [InlineData(Paused, Delete, "cannot delete container web: it is paused")]
    [InlineData(Deleted, Start, "container web is deleted")]
    internal void Refusals_say_why(ProcessState state, ProcessVerb verb, string message)
    {
        Assert.Equal(message,
            Assert.Throws<RefusedException>(() => ProcessLifecycle.Move(state, verb, "container web")).Message);
    }
}
