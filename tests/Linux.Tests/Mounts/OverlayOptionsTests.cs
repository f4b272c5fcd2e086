using CsCheck;

namespace Linux.Tests;

public sealed class OverlayOptionsTests
{
    [Theory]
    [InlineData("lowerdir=/a/b/1/fs:/a/b/2/fs,upperdir=/a/b/3/fs", "/a/b", "lowerdir=1/fs:2/fs,upperdir=/a/b/3/fs")]
    [InlineData("lowerdir=/a/b/c", "/a/b", "lowerdir=c")]
    [InlineData("x,lowerdir=/a/b:/a/b/c", "/a", "x,lowerdir=b:b/c")]
    [InlineData("lowerdir=/a/b/c:/a/b", "/a", "lowerdir=b/c:b")]
    [InlineData("lowerdir=/a/snap10/fs:/a/snap1/fs", "/a", "lowerdir=snap10/fs:snap1/fs")]
    public void Lower_directories_are_made_relative(string data, string directory, string compact) =>
        Assert.Equal((directory, compact), OverlayOptions.Compact(data));

    [Theory]
    [InlineData("upperdir=/a")]
    [InlineData("lowerdir=/a")]
    [InlineData("lowerdir=/a:/b")]
    [InlineData("lowerdir=/a/x:b/x")]
    [InlineData("lowerdir=/a/x\\:y:/a/z")]
    [InlineData("lowerdir=/a/x::/a/z")]
    public void Options_that_cannot_be_shortened_give_null(string data) => Assert.Null(OverlayOptions.Compact(data));

    [Fact]
    public void Compact_directories_join_to_the_same_paths()
    {
        string[] names = ["a", "ab", "b", "c"];
        Gen<string> path = Gen.Int[0, 3].Array[1, 4].Select(parts => string.Concat(parts.Select(i => "/" + names[i])));
        path.Array[2, 6].Sample(paths =>
        {
            if (OverlayOptions.Compact($"lowerdir={string.Join(':', paths)}") is not { } compact)
                return paths.Select(p => p.Split('/')[1]).Distinct().Count() > 1 || paths.Any(p => p.Count('/') == 1);
            return compact.Data["lowerdir=".Length..].Split(':').Select(p => $"{compact.Directory}/{p}")
                .SequenceEqual(paths);
        });
    }
}
