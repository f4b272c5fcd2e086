using System.Diagnostics.CodeAnalysis;
using System.Text;
using Grpc.Core;

namespace Ttrpc;

/// <summary>
/// The services of a server. Generated code fills it: <c>TaskService.BindService(services, implementation)</c>.
/// Fill it before the server starts; it is not guarded.
/// </summary>
public sealed class TtrpcServices : ServiceBinderBase
{
    // Keyed by the bytes that are on the wire, so that a call makes no strings.
    private readonly Dictionary<byte[], Dictionary<byte[], Handler>> _services = new(Utf8Comparer.Instance);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The method is there already.</exception>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
        Add(method, new UnaryHandler<TRequest, TResponse>(method, NotNull(handler)));

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The method is there already.</exception>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
        Add(method, new ClientStreamingHandler<TRequest, TResponse>(method, NotNull(handler)));

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The method is there already.</exception>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
        Add(method, new ServerStreamingHandler<TRequest, TResponse>(method, NotNull(handler)));

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The method is there already.</exception>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
        Add(method, new DuplexStreamingHandler<TRequest, TResponse>(method, NotNull(handler)));

    /// <summary>Finds a method by names as they are on the wire; else says which of them is unknown.</summary>
    internal bool TryFind(
        ReadOnlySpan<byte> service,
        ReadOnlySpan<byte> method,
        [NotNullWhen(true)] out Handler? handler,
        [NotNullWhen(false)] out string? unknown)
    {
        unknown = null;
        handler = null;
        if (!_services.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(service, out var methods))
            unknown = $"unknown service {Shown(service)} (method {Shown(method)})";
        else if (!methods.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(method, out handler))
            unknown = $"unknown method {Shown(method)} of service {Shown(service)}";
        return handler is not null;
    }

    // A name may be as long as a frame; an error need not.
    private static string Shown(ReadOnlySpan<byte> name) => Encoding.UTF8.GetString(name[..Math.Min(name.Length, 256)]);

    private static T NotNull<T>(T? handler)
        where T : class => handler ?? throw new ArgumentNullException(nameof(handler));

    private void Add(IMethod method, Handler handler)
    {
        byte[] service = Encoding.UTF8.GetBytes(method.ServiceName);
        if (!_services.TryGetValue(service, out Dictionary<byte[], Handler>? methods))
            _services.Add(service, methods = new(Utf8Comparer.Instance));
        if (!methods.TryAdd(Encoding.UTF8.GetBytes(method.Name), handler))
            throw new ArgumentException($"method {method.FullName} is bound already", nameof(method));
    }

    private sealed class Utf8Comparer
        : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static readonly Utf8Comparer Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = default(HashCode);
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
