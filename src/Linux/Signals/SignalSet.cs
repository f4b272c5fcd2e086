namespace Linux;

/// <summary>A set of signals.</summary>
/// <param name="Bits">Bit n-1 is signal n, as in the kernel.</param>
public readonly record struct SignalSet(ulong Bits)
{
    /// <summary>Every signal.</summary>
    internal static SignalSet All => new(ulong.MaxValue);

    /// <summary>A set of the given signals.</summary>
    public static SignalSet Of(params ReadOnlySpan<int> signals)
    {
        ulong bits = 0;
        foreach (int signal in signals)
            bits |= Bit(signal);
        return new SignalSet(bits);
    }

    /// <summary>Whether this set contains all signals of another one.</summary>
    public bool Contains(SignalSet other) => (Bits & other.Bits) == other.Bits;

    internal Libc.sigset_t Native => new() { Bits = Bits };

    private static ulong Bit(int signal)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(signal, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(signal, 64);
        return 1UL << (signal - 1);
    }
}
