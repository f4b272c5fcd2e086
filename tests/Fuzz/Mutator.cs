namespace Fuzz;

/// <summary>Changes inputs at random; the same seed gives the same inputs.</summary>
internal sealed class Mutator(int seed)
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
            switch (_random.Next(6))
            {
                case 0 when at < bytes.Count: bytes[at] ^= (byte)(1 << _random.Next(8)); break;
                case 1 when at < bytes.Count: bytes[at] = s_interesting[_random.Next(s_interesting.Length)]; break;
                case 2: bytes.Insert(at, (byte)_random.Next(256)); break;
                case 3: bytes.RemoveRange(at, count); break;
                case 4 when bytes.Count < Longest: bytes.InsertRange(at, bytes.GetRange(at, count)); break;
                case 5 when other.Length > 0 && bytes.Count < Longest:
                    int from = _random.Next(other.Length);
                    bytes.InsertRange(at, other[from..Math.Min(other.Length, from + _random.Next(1, 64))]);
                    break;
            }
        }
        return [.. bytes];
    }

    /// <summary>One of some inputs.</summary>
    public byte[] Pick(IReadOnlyList<byte[]> inputs) => inputs[_random.Next(inputs.Count)];
}
