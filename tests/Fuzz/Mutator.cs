namespace Fuzz;

/// <summary>Changes inputs at random; the same seed gives the same inputs.</summary>
/// <param name="seed">The seed.</param>
/// <param name="tokens">Words that are put into inputs.</param>
internal sealed class Mutator(int seed, IReadOnlyList<byte[]> tokens)
{
    private const int Longest = 1 << 16;
    private static readonly byte[] s_interesting =
        [0, 1, 0x7f, 0x80, 0xff, (byte)'"', (byte)'{', (byte)'\n', (byte)'/'];

    private readonly Random _random = new(seed);

    /// <summary>A changed copy of an input; another one lends it parts.</summary>
    public byte[] Mutate(byte[] input, byte[] other)
    {
        List<byte> bytes = [.. input];
        for (int changes = _random.Next(1, 8); changes > 0; changes--)
        {
            int at = _random.Next(bytes.Count + 1), count = Math.Min(_random.Next(1, 32), bytes.Count - at);
            switch (_random.Next(7))
            {
                case 0 when at < bytes.Count: bytes[at] ^= (byte)(1 << _random.Next(8)); break;
                case 1 when at < bytes.Count: bytes[at] = s_interesting[_random.Next(s_interesting.Length)]; break;
                case 2: bytes.Insert(at, (byte)_random.Next(256)); break;
                case 3: bytes.RemoveRange(at, count); break;
                case 4: Repeat(bytes, at, bytes.GetRange(at, count)); break;
                case 5 when other.Length > 0:
                    int from = _random.Next(other.Length);
                    bytes.InsertRange(at, other[from..Math.Min(other.Length, from + _random.Next(1, 64))]);
                    break;
                case 6 when tokens.Count > 0: Repeat(bytes, at, tokens[_random.Next(tokens.Count)]); break;
            }
        }
        if (bytes.Count > Longest)
            bytes.RemoveRange(Longest, bytes.Count - Longest);
        return [.. bytes];
    }

    /// <summary>One of some inputs.</summary>
    public byte[] Pick(IReadOnlyList<byte[]> inputs) => inputs[_random.Next(inputs.Count)];

    /// <summary>Once, or now and then thousands of times: that shows what grows with depth or by the square.</summary>
    private void Repeat(List<byte> bytes, int at, IReadOnlyList<byte> part)
    {
        int times = _random.Next(64) > 0 ? 1 : _random.Next(1, Longest / Math.Max(part.Count, 1));
        List<byte> all = new(times * part.Count);
        for (; times > 0; times--)
            all.AddRange(part);
        bytes.InsertRange(at, all);
    }
}
