using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Shim.Events;

/// <summary>An event of the task service, as containerd receives it.</summary>
/// <param name="Topic">What subscribers filter by.</param>
/// <param name="TypeUrl">The message's full name; containerd expects it without a prefix.</param>
/// <param name="Message">The event itself.</param>
internal readonly record struct TaskEvent(string Topic, string TypeUrl, IMessage Message)
{
    /// <summary>The event in an <see cref="Any"/>.</summary>
    public Any Pack() => new() { TypeUrl = TypeUrl, Value = Message.ToByteString() };
}
