using System.Buffers;

namespace Ttrpc.Tests.Support;

/// <summary>A pool that knows what it has lent, and fills what comes back with rubbish so that late readers show.</summary>
internal sealed class CountingPool : ArrayPool<byte>
{
    private readonly Lock _gate = new();
    private readonly HashSet<byte[]> _lent = new(ReferenceEqualityComparer.Instance);

    public int Lent
    {
        get
        {
            lock (_gate)
                return _lent.Count;
        }
    }

    public int Rented { get; private set; }

    public int Largest { get; private set; }

    public override byte[] Rent(int minimumLength)
    {
        byte[] buffer = new byte[minimumLength];
        lock (_gate)
        {
            _lent.Add(buffer);
            Rented++;
            Largest = Math.Max(Largest, minimumLength);
        }

        return buffer;
    }

    public override void Return(byte[] array, bool clearArray = false)
    {
        lock (_gate)
        {
            if (!_lent.Remove(array))
                throw new InvalidOperationException("returned twice, or never lent");
        }

        array.AsSpan().Fill(0xee);
    }
}
