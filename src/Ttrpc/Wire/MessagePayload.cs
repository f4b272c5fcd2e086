using System.Buffers;
using Grpc.Core;

namespace Ttrpc.Wire;

/// <summary>
/// Passes a message's bytes to a marshaller without copying them out of the frame. One instance per thread is enough:
/// it is in use only during a synchronous call.
/// </summary>
internal sealed class MessagePayload : DeserializationContext
{
    [ThreadStatic]
    private static MessagePayload? t_instance;

    private ReadOnlyMemory<byte> _payload;

    /// <inheritdoc/>
    public override int PayloadLength => _payload.Length;

    /// <summary>Deserializes a message; exceptions of the marshaller pass through.</summary>
    public static T Deserialize<T>(Marshaller<T> marshaller, ReadOnlyMemory<byte> payload)
    {
        MessagePayload context = t_instance ?? new MessagePayload();
        t_instance = null;
        context._payload = payload;
        try
        {
            return marshaller.ContextualDeserializer(context);
        }
        finally
        {
            context._payload = default;
            t_instance = context;
        }
    }

    /// <inheritdoc/>
    public override byte[] PayloadAsNewBuffer() => _payload.ToArray();

    /// <inheritdoc/>
    public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => new(_payload);
}
