using System.Runtime.InteropServices;
using System.Text;

namespace Linux;

/// <summary>A NULL-terminated array of C strings, as exec takes it, in one block with the pointers first.</summary>
internal sealed unsafe class CStrings : IDisposable
{
    private byte** _block;

    /// <exception cref="ArgumentException">A string contains NUL.</exception>
    internal CStrings(IReadOnlyList<string> strings, string what)
    {
        int bytes = 0;
        foreach (string text in strings)
        {
            if (text.Contains('\0'))
                throw new ArgumentException($"an entry of {what} contains NUL");
            bytes += Encoding.UTF8.GetByteCount(text) + 1;
        }
        int pointers = (strings.Count + 1) * sizeof(byte*);
        _block = (byte**)NativeMemory.Alloc((nuint)(pointers + bytes));
        byte* end = (byte*)_block + pointers + bytes;
        byte* next = (byte*)_block + pointers;
        for (int i = 0; i < strings.Count; i++)
        {
            _block[i] = next;
            next += Encoding.UTF8.GetBytes(strings[i], new Span<byte>(next, (int)(end - next)));
            *next++ = 0;
        }
        _block[strings.Count] = null;
    }

    internal byte** Pointer => _block;

    public void Dispose()
    {
        NativeMemory.Free(_block);
        _block = null;
    }
}
