using CsCheck;
using Shim.Bundles;
using Shim.Runsc;

namespace Shim.Tests.Runsc;

public sealed class RunscIdTests
{
    private const string Hash = "3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f";

    private static readonly Gen<string> s_part = Gen.String[Gen.Char["09afzAZ"], 1, 6];

    private static readonly Gen<string> s_id =
        Gen.OneOf(
            Gen.Select(s_part.Array[1, 4], Gen.Char["._-"], (parts, separator) => string.Join(separator, parts)),
            Gen.String[Gen.Char["0123456789abcdef"], 62, 66])
        .Where(Identifier.IsValid);

    /// <summary>Two valid ids, often one a prefix of the other.</summary>
    private static readonly Gen<(string One, string Other)> s_pair =
        Gen.Select(s_id, s_id, s_part, Gen.Int[0, 3], (one, two, tail, kind) => (one, kind switch
        {
            0 => two,
            1 => one + tail,
            2 => one + "-" + tail,
            _ => one + "." + two,
        }))
        .Where(pair => Identifier.IsValid(pair.Item2));

    [Theory]
    [InlineData("web", "web+")]
    [InlineData("0", "0+")]
    [InlineData(Hash, Hash)]
    [InlineData("3E2C0A1F3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f",
        "3E2C0A1F3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f+")]
    [InlineData("3e2c0a1f", "3e2c0a1f+")]
    public void A_hash_is_unchanged_and_other_ids_get_a_suffix(string id, string runscId)
    {
        Assert.Equal(runscId, RunscId.For(id));
        Assert.Equal(id, RunscId.ToContainerd(runscId));
    }

    [Fact]
    public void The_id_of_a_hash_is_no_prefix_of_a_longer_id_that_begins_with_the_hash() =>
        Assert.False(RunscId.For(Hash + "-debug").StartsWith(RunscId.For(Hash), StringComparison.Ordinal));

    [Fact]
    public void For_is_idempotent_and_ToContainerd_is_its_inverse() =>
        s_id.Sample(id =>
            RunscId.For(RunscId.For(id)) == RunscId.For(id)
            && RunscId.ToContainerd(RunscId.For(id)) == id
            && RunscId.ToContainerd(id) == id);

    [Fact]
    public void No_id_is_a_prefix_of_another() =>
        s_pair.Sample(pair =>
            pair.One == pair.Other
            || (!RunscId.For(pair.One).StartsWith(RunscId.For(pair.Other), StringComparison.Ordinal)
                && !RunscId.For(pair.Other).StartsWith(RunscId.For(pair.One), StringComparison.Ordinal)));
}
