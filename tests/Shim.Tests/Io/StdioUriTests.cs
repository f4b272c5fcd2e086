using System.Diagnostics;
using Shim.Io;

namespace Shim.Tests.Io;

public sealed class StdioUriTests
{
    [Theory]
    [InlineData("", StdioKind.Null, "")]
    [InlineData("/run/containerd/fifo/1/web-stdout", StdioKind.Path, "/run/containerd/fifo/1/web-stdout")]
    [InlineData("/a path?with=all %41 #of it", StdioKind.Path, "/a path?with=all %41 #of it")]
    [InlineData("fifo:///run/f", StdioKind.Path, "/run/f")]
    [InlineData("file:///var/log/web.log", StdioKind.File, "/var/log/web.log")]
    [InlineData("file:///var/log/a%20b%2Fc.log", StdioKind.File, "/var/log/a b/c.log")]
    [InlineData("file:///var/log/web.log?maxsize=5", StdioKind.File, "/var/log/web.log", "maxsize", "5")]
    [InlineData("binary:///usr/bin/logger", StdioKind.Binary, "/usr/bin/logger")]
    [InlineData("binary:///usr/bin/logger?", StdioKind.Binary, "/usr/bin/logger")]
    [InlineData("binary:///l?tag=web&level=info", StdioKind.Binary, "/l", "tag", "web", "level", "info")]
    [InlineData("binary:///l?tag=a%26b%3dc+d&x=%2B", StdioKind.Binary, "/l", "tag", "a&b=c d", "x", "+")]
    [InlineData("binary:///l?tag=first&x=1&tag=second", StdioKind.Binary, "/l", "tag", "first", "x", "1")]
    [InlineData("binary:///l?%74ag=first&tag=second", StdioKind.Binary, "/l", "tag", "first")]
    [InlineData("binary:///l?flag&empty=&&a=b=c", StdioKind.Binary, "/l", "flag", "", "empty", "", "a", "b=c")]
    [InlineData("binary-v2:///l?id=x", StdioKind.BinaryV2, "/l", "id", "x")]
    internal void Parse_reads_paths_and_URIs(string text, StdioKind kind, string path, params string[] arguments)
    {
        StdioUri uri = StdioUri.Parse(text);
        Assert.Equal((kind, path), (uri.Kind, uri.Path));
        Assert.Equal(arguments, uri.Arguments);
    }

    [Theory]
    [InlineData("relative/path", "stdio relative/path: the path is not absolute")]
    [InlineData("web", "stdio web: the path is not absolute")]
    [InlineData("file://relative", "stdio file://relative: the path is not absolute")]
    [InlineData("binary://", "stdio binary://: the path is not absolute")]
    [InlineData("npipe:////./pipe/x", "stdio npipe:////./pipe/x: unknown scheme npipe")]
    [InlineData("FILE:///x", "stdio FILE:///x: unknown scheme FILE")]
    [InlineData("://x", "stdio ://x: unknown scheme ")]
    [InlineData("file:///x%00", "stdio file:///x%00: the path contains a NUL")]
    [InlineData("binary:///l?a=%00", "stdio binary:///l: an argument contains a NUL")]
    public void Parse_fails_on_relative_paths_and_unknown_schemes(string text, string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => StdioUri.Parse(text)).Message);

    /// <summary>200,000 keys that are compared with each other would take minutes.</summary>
    [Fact]
    public void Parse_compares_many_keys_quickly()
    {
        string query = string.Join('&', Enumerable.Range(0, 200_000));
        var clock = Stopwatch.StartNew();
        Assert.Equal(400_000, StdioUri.Parse($"binary:///l?{query}&7=x").Arguments.Count);
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }
}
