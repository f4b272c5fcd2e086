using System.Diagnostics.CodeAnalysis;
using System.Text;
using Grpc.Core;

namespace Ttrpc;

/// <summary>
/// The services of a server. Generated code adds them: <c>TaskService.BindService(services, implementation)</c>.
/// Not thread-safe: add all services before the server starts.
/// </summary>
public sealed class TtrpcServices : ServiceBinderBase
{
    // Keyed by the UTF-8 names on the wire, so that a call allocates no strings.
    private readonly Dictionary<byte[], Dictionary<byte[], Handler>> _services = new(Utf8Comparer.Instance);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The method is already bound.</exception>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
        Add(method, new UnaryHandler<TRequest, TResponse>(method, NotNull(handler)));

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The method is already bound.</exception>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
        Add(method, new ClientStreamingHandler<TRequest, TResponse>(method, NotNull(handler)));

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The method is already bound.</exception>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
        Add(method, new ServerStreamingHandler<TRequest, TResponse>(method, NotNull(handler)));

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The method is already bound.</exception>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
        Add(method, new DuplexStreamingHandler<TRequest, TResponse>(method, NotNull(handler)));

    /// <summary>Finds a method by its UTF-8 names; if it is not found, tells which name is unknown.</summary>
    internal bool TryFind(
        ReadOnlySpan<byte> service,
        ReadOnlySpan<byte> method,
        [NotNullWhen(true)] out Handler? handler,
        [NotNullWhen(false)] out string? unknown)
    {
        unknown = null;
        handler = null;
        if (!_services.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(service, out var methods))
            unknown = $"unknown service {Shorten(service)} (method {Shorten(method)})";
        else if (!methods.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(method, out handler))
            unknown = $"unknown method {Shorten(method)} of service {Shorten(service)}";
        return handler is not null;
    }

    // A name may be as long as a frame; the error text is shorter.
    private static string Shorten(ReadOnlySpan<byte> name) =>
        Encoding.UTF8.GetString(name[..Math.Min(name.Length, 256)]);

    private static T NotNull<T>(T? handler)
        where T : class => handler ?? throw new ArgumentNullException(nameof(handler));

    private void Add(IMethod method, Handler handler)
    {
        byte[] service = Encoding.UTF8.GetBytes(method.ServiceName);
        if (!_services.TryGetValue(service, out Dictionary<byte[], Handler>? methods))
            _services.Add(service, methods = new(Utf8Comparer.Instance));
        if (!methods.TryAdd(Encoding.UTF8.GetBytes(method.Name), handler))
            throw new ArgumentException($"method {method.FullName} is already bound", nameof(method));
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
