using System.Diagnostics.CodeAnalysis;

namespace Linux;

/// <summary>The latest exit of each pid, of a bounded number of pids: the oldest is dropped first.</summary>
internal sealed class RecentExits(int capacity)
{
    // A pid that was forgotten and came again has two nodes' worth of order in a plain queue; hence the linked list.
    private readonly LinkedList<ProcessExit> byAge = new();
    private readonly Dictionary<int, LinkedListNode<ProcessExit>> byPid = [];

    internal void Add(ProcessExit exit)
    {
        Forget(exit.Pid);
        if (byPid.Count == capacity)
            Forget(byAge.First!.Value.Pid);
        byPid.Add(exit.Pid, byAge.AddLast(exit));
    }

    internal void Forget(int pid)
    {
        if (byPid.Remove(pid, out LinkedListNode<ProcessExit>? node))
            byAge.Remove(node);
    }

    internal bool TryGet(int pid, [NotNullWhen(true)] out ProcessExit exit)
    {
        exit = default;
        if (!byPid.TryGetValue(pid, out LinkedListNode<ProcessExit>? node))
            return false;
        exit = node.Value;
        return true;
    }
}
