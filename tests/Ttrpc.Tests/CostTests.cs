using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ttrpc.Tests.Support;
using Ttrpc.Wire;

namespace Ttrpc.Tests;

/// <summary>
/// The cost of a call. Only bytes are asserted, because they do not depend on the machine; times are only printed.
/// </summary>
public sealed class CostTests(ITestOutputHelper output)
{
    private const int Calls = 20_000;

    /// <summary>
    /// A unary call at the server allocates its context and the two messages. With the deadline and the metadata that
    /// containerd sends, it also allocates a copy of the metadata.
    /// </summary>
    [Theory]
    [InlineData(false, 220)]
    [InlineData(true, 280)]
    public void A_unary_call_allocates_only_its_context_and_messages(bool likeContainerd, int bound)
    {
        byte[] request = FrameOf(likeContainerd);
        var services = new TtrpcServices();
        Echo.BindService(services, new InstantService());
        using var warmUp = new ScriptedStream(request, 2000);
        using var script = new ScriptedStream(request, Calls);
        long allocated = 0;
        TimeSpan elapsed = default;

        LoopThread.Run(async () =>
        {
            await using var server = new TtrpcServer(services);
            await server.ServeAsync(new TtrpcTransport(warmUp));
            long before = GC.GetAllocatedBytesForCurrentThread();
            long started = Stopwatch.GetTimestamp();
            await server.ServeAsync(new TtrpcTransport(script));
            elapsed = Stopwatch.GetElapsedTime(started);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        });

        output.WriteLine($"{allocated / (double)Calls:0.0} bytes, {elapsed.TotalNanoseconds / Calls:0} ns per call");
        Assert.Equal(Calls, script.Writes);
        Assert.InRange(allocated / Calls, 0, bound);
    }

    [Fact]
    public void An_idle_connection_holds_one_small_buffer()
    {
        var services = new TtrpcServices();
        Echo.BindService(services, new InstantService());
        const int Connections = 200;
        long held = 0;

        LoopThread.Run(async () =>
        {
            await using var server = new TtrpcServer(services);
            var streams = new List<PairedStream>();
            for (int i = 0; i < Connections; i++)
                streams.Add(PairedStream.Create().Server);
            long before = GC.GetAllocatedBytesForCurrentThread();
            foreach (PairedStream stream in streams)
                _ = server.ServeAsync(new TtrpcTransport(stream));
            held = (GC.GetAllocatedBytesForCurrentThread() - before) / Connections;
        });

        output.WriteLine($"{held} bytes per connection, including the stream");
        Assert.InRange(held, 0, 4500);
    }

    private static byte[] FrameOf(bool likeContainerd)
    {
        var call = new Method<Empty, Empty>(
            MethodType.Unary,
            "ttrpc.test.Echo",
            "Nothing",
            Marshallers.Create<Empty>((_, context) => context.Complete([]), _ => new Empty()),
            Marshallers.Create<Empty>((_, context) => context.Complete([]), _ => new Empty()));
        OutgoingFrame frame = FrameEncoder.Request(
            new CountingPool(),
            call,
            new Empty(),
            FrameFlags.None,
            likeContainerd ? 2_000_000_000 : 0,
            likeContainerd ? new Metadata { { "containerd-namespace-ttrpc", "k8s.io" } } : null);
        frame.SetStreamId(1);
        return frame.Memory.ToArray();
    }

    private sealed class InstantService : Echo.EchoBase
    {
        private readonly Task<Empty> _answer = Task.FromResult(new Empty());

        public override Task<Empty> Nothing(Empty request, ServerCallContext context) => _answer;
    }

    /// <summary>Reads as one request, repeated with increasing stream ids; discards the responses.</summary>
    private sealed class ScriptedStream(byte[] request, int count) : Stream
    {
        private readonly byte[] _request = [.. request];
        private int _sent;
        private int _position;

        public int Writes { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int filled = 0;
            while (filled < buffer.Length && _sent < count)
            {
                if (_position == 0)
                    System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(_request.AsSpan(4), (2 * _sent) + 1);
                int part = Math.Min(buffer.Length - filled, _request.Length - _position);
                _request.AsSpan(_position, part).CopyTo(buffer.Span[filled..]);
                filled += part;
                _position += part;
                if (_position < _request.Length)
                    break;
                _position = 0;
                _sent++;
            }

            return new ValueTask<int>(filled);
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Writes++;
            return default;
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
