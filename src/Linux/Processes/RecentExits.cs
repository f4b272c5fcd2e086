using System.Diagnostics.CodeAnalysis;

namespace Linux;

/// <summary>The latest exit of each pid, of a bounded number of pids: the oldest is dropped first.</summary>
internal sealed class RecentExits(int capacity)
{
    // A pid that was forgotten and came again has two nodes' worth of order in a plain queue; hence the linked list.
    private readonly LinkedList<ProcessExit> _byAge = new();
    private readonly Dictionary<int, LinkedListNode<ProcessExit>> _byPid = [];

    internal void Add(ProcessExit exit)
    {
        Forget(exit.Pid);
        if (_byPid.Count == capacity)
            Forget(_byAge.First!.Value.Pid);
        _byPid.Add(exit.Pid, _byAge.AddLast(exit));
    }

    internal void Forget(int pid)
    {
        if (_byPid.Remove(pid, out LinkedListNode<ProcessExit>? node))
            _byAge.Remove(node);
    }

    internal bool TryGet(int pid, [NotNullWhen(true)] out ProcessExit exit)
    {
        exit = default;
        if (!_byPid.TryGetValue(pid, out LinkedListNode<ProcessExit>? node))
            return false;
        exit = node.Value;
        return true;
    }
}
