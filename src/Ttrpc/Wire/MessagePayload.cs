using System.Buffers;
using Grpc.Core;

namespace Ttrpc.Wire;

/// <summary>
/// Hands a message's bytes, where they lie in the frame, to a marshaller. One instance a thread serves all: it is
/// busy only during a synchronous call.
/// </summary>
internal sealed class MessagePayload : DeserializationContext
{
    [ThreadStatic]
    private static MessagePayload? t_instance;

    private ReadOnlyMemory<byte> _payload;

    /// <inheritdoc/>
    public override int PayloadLength => _payload.Length;

    /// <summary>Deserializes a message; throws what the marshaller throws.</summary>
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
