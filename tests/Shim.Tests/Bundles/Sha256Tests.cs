using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Shim.Bundles;

namespace Shim.Tests.Bundles;

public sealed class Sha256Tests
{
    // FIPS 180-2, appendix B.
    [Theory]
    [InlineData("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [InlineData("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")]
    public void The_examples_of_the_standard(string text, string hash)
    {
        Assert.Equal(hash, Sha256.HexOf(Encoding.ASCII.GetBytes(text)));
    }

    [Fact]
    public void Any_length_has_the_same_hash_as_in_dotnet()
    {
        for (int length = 0; length < 200; length++)
            AssertSame(new byte[length]);
        Gen.Byte.Array[0, 300].Sample(AssertSame);
    }

    private static void AssertSame(byte[] data) =>
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(data)), Sha256.HexOf(data));
}
