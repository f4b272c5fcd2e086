using System.Diagnostics.CodeAnalysis;

namespace Linux;

/// <summary>The latest exit of each of a bounded number of pids. The oldest exit is dropped first.</summary>
internal sealed class RecentExits(int capacity)
{
    // In a plain queue a pid that was forgotten and used again would have two places; hence the linked list.
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
