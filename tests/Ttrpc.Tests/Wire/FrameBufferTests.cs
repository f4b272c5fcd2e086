using CsCheck;
using Ttrpc.Tests.Support;
using Ttrpc.Wire;

namespace Ttrpc.Tests.Wire;

/// <summary>The frames do not depend on how the bytes are split into reads.</summary>
public sealed class FrameBufferTests
{
    // Includes lengths around the size of the small buffer, above which a frame needs a rented one.
    private static readonly Gen<int> s_length = Gen.OneOf(
        Gen.Int[0, 40], Gen.Int[2000, 2100], Gen.Int[4000, 9000]);

    [Fact]
    public void Frames_split_at_random_places() =>
        Gen.Select(s_length.List[1, 6], Gen.Int[1, 5000].List[1, 8]).Sample(
            (lengths, steps) => AssertCut(lengths, steps), iter: 300);

    [Fact]
    public void Frames_split_at_every_place()
    {
        int[] lengths = [0, 3, 2038, 2039, 0, 2500, 1];
        int total = lengths.Sum(length => length + FrameHeader.Size);
        for (int place = 1; place < total; place++)
            AssertCut(lengths, [place, total]);
        AssertCut(lengths, [1]);
    }

    [Fact]
    public void A_buffer_is_rented_only_while_a_long_frame_is_in_use()
    {
        var pool = new CountingPool();
        var buffer = new FrameBuffer(pool);
        byte[] bytes = [.. FrameOf(5000, 1), .. FrameOf(5, 3)];

        Fill(buffer, bytes, 0, 100);
        Assert.False(buffer.TryTake(out _));
        Assert.Equal(1, pool.Lent);
        Fill(buffer, bytes, 100, 5010 - 100);
        Assert.True(buffer.TryTake(out _));
        Assert.False(buffer.TryTake(out _));
        Assert.Equal(0, pool.Lent);
        Fill(buffer, bytes, 5010, 15);
        Assert.True(buffer.TryTake(out Frame frame));
        Assert.Equal(3u, frame.Header.StreamId);
        Assert.Equal((0, 1), (pool.Lent, pool.Rented));
    }

    [Fact]
    public void An_oversized_frame_rents_no_buffer()
    {
        var pool = new CountingPool();
        var buffer = new FrameBuffer(pool);
        byte[] bytes = [.. FrameOf(FrameHeader.MaxPayload + 1, 1), .. FrameOf(1, 3)];

        List<(FrameHeader, byte[])> frames = Cut(buffer, bytes, [60_000]);

        Assert.Equal([1u, 3u], frames.Select(frame => frame.Item1.StreamId));
        Assert.Equal(0, pool.Rented);
    }

    private static void AssertCut(IEnumerable<int> lengths, IReadOnlyList<int> steps)
    {
        var expected = new List<(FrameHeader, byte[])>();
        var bytes = new List<byte>();
        uint id = 1;
        foreach (int length in lengths)
        {
            byte[] frame = FrameOf(length, id);
            bytes.AddRange(frame);
            expected.Add((FrameHeader.Read(frame), length > FrameHeader.MaxPayload ? [] : frame[FrameHeader.Size..]));
            id += 2;
        }

        var pool = new CountingPool();
        List<(FrameHeader, byte[])> cut = Cut(new FrameBuffer(pool), [.. bytes], steps);

        Assert.Equal(expected.Select(frame => frame.Item1), cut.Select(frame => frame.Item1));
        for (int i = 0; i < cut.Count; i++)
            Assert.Equal(expected[i].Item2.AsSpan(), cut[i].Item2.AsSpan());
        Assert.Equal(0, pool.Lent);
    }

    private static List<(FrameHeader Header, byte[] Payload)> Cut(
        FrameBuffer buffer, byte[] bytes, IReadOnlyList<int> steps)
    {
        var frames = new List<(FrameHeader, byte[])>();
        int position = 0;
        for (int step = 0; position < bytes.Length; step++)
        {
            int count = Math.Min(steps[step % steps.Count], bytes.Length - position);
            while (count > 0)
            {
                int taken = Fill(buffer, bytes, position, count);
                position += taken;
                count -= taken;
                while (buffer.TryTake(out Frame frame))
                    frames.Add((frame.Header, frame.Payload.ToArray()));
            }
        }

        return frames;
    }

    private static int Fill(FrameBuffer buffer, byte[] bytes, int position, int count)
    {
        Memory<byte> free = buffer.GetMemory();
        Assert.False(free.IsEmpty);
        count = Math.Min(free.Length, count);
        bytes.AsSpan(position, count).CopyTo(free.Span);
        buffer.Advance(count);
        return count;
    }

    private static byte[] FrameOf(int length, uint id)
    {
        byte[] frame = new byte[FrameHeader.Size + length];
        for (int i = 0; i < frame.Length; i++)
            frame[i] = (byte)(i * 7);
        new FrameHeader((uint)length, id, FrameType.Data, 0).Write(frame);
        return frame;
    }
}
