using System.Text;
using System.Text.Json;
using Shim.Runsc;

namespace Shim.Tests.Runsc;

public sealed class JsonObjectEndTests
{
    [Theory]
    [InlineData("{}")]
    [InlineData(" \n{\"a\":[1,{\"b\":null}],\"c\":\"}\"}")]
    [InlineData("{\"a\":\"\\\"}\",\"\\\\\":{}}")]
    [InlineData("{\"ü}\":\"\u2028{[\"}")]
    public void The_end_is_found_wherever_the_pieces_are_cut(string json)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(json);
        byte[] followed = [.. bytes, .. "} {\"more\":"u8];
        for (int first = 0; first < bytes.Length; first++)
        {
            JsonObjectEnd end = new();
            Assert.Equal(0, end.Find(followed.AsSpan(0, first)));
            Assert.Equal(bytes.Length - first, end.Find(followed.AsSpan(first)));
        }
        JsonObjectEnd slowly = new();
        for (int i = 0; i < bytes.Length - 1; i++)
            Assert.Equal(0, slowly.Find(bytes.AsSpan(i, 1)));
        Assert.Equal(1, slowly.Find(bytes.AsSpan(bytes.Length - 1)));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("[{}]")]
    [InlineData("\"{}\"")]
    [InlineData(" }")]
    public void Find_fails_if_the_text_is_not_an_object(string text) =>
        Assert.Throws<JsonException>(() => new JsonObjectEnd().Find(Encoding.UTF8.GetBytes(text)));
}
