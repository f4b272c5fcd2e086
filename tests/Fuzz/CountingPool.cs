using System.Buffers;

namespace Fuzz;

/// <summary>Counts the buffers that are lent, and spoils those that are returned.</summary>
internal sealed class CountingPool : ArrayPool<byte>
{
    private int _lent;

    /// <summary>How many are lent.</summary>
    public int Lent => Volatile.Read(ref _lent);

    public override byte[] Rent(int minimumLength)
    {
        Interlocked.Increment(ref _lent);
        return new byte[minimumLength];
    }

    public override void Return(byte[] array, bool clearArray = false)
    {
        array.AsSpan().Fill(0xee);
        Interlocked.Decrement(ref _lent);
    }
}
