using Shim.Bundles;

namespace Shim.Tests.Bundles;

public sealed class IdentifierTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("0")]
    [InlineData("k8s.io")]
    [InlineData("a-b_c.d")]
    [InlineData("A1-2-3")]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123456789012345")]
    public void Ids_that_are_valid(string id)
    {
        Assert.True(Identifier.IsValid(id));
        Identifier.Require(id, "container id");
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("-a")]
    [InlineData("a-")]
    [InlineData("_a")]
    [InlineData("a..b")]
    [InlineData("a-.b")]
    [InlineData("a/b")]
    [InlineData("a b")]
    [InlineData("a\n")]
    [InlineData("a\0")]
    [InlineData("web+")]
    [InlineData("ä")]
    [InlineData("٣")]
    [InlineData("01234567890123456789012345678901234567890123456789012345678901234567890123456")]
    public void Ids_that_are_not_valid(string id)
    {
        Assert.False(Identifier.IsValid(id));
        RefusedException e = Assert.Throws<RefusedException>(() => Identifier.Require(id, "exec id"));
        Assert.Equal(Refusal.InvalidArgument, e.Refusal);
        Assert.StartsWith($"exec id \"{id}\" is not valid", e.Message, StringComparison.Ordinal);
    }
}
