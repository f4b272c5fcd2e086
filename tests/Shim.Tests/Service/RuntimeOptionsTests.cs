using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shim.Configuration;
using Shim.Service;
using Options = Containerd.Api.RuntimeOptions.Options;

namespace Shim.Tests.Service;

public sealed class RuntimeOptionsTests
{
    [Theory]
    [InlineData("runtimeoptions.v1.Options")]
    [InlineData("type.googleapis.com/runtimeoptions.v1.Options")]
    [InlineData("types.containerd.io/a/runtimeoptions.v1.Options")]
    public void Options_may_name_a_file(string typeUrl)
    {
        using TempDirectory directory = new();
        var options = new Options
        {
            ConfigPath = directory.Write("runsc.toml", "root = '/run/file'\nfrob = 1"),
            ConfigBody = ByteString.CopyFromUtf8("root = '/run/body'"),
            TypeUrl = "anything",
        };
        List<string> warnings = [];
        Assert.Equal("/run/file", RuntimeOptions.Read(Pack(typeUrl, options), warnings).Root);
        Assert.Equal([$"{options.ConfigPath}:2: unknown key frob is ignored"], warnings);
    }

    [Fact]
    public void The_body_is_used_only_without_a_file()
    {
        var options = new Options { ConfigBody = ByteString.CopyFromUtf8("TypeUrl = 'x'\nroot = '/run/body'") };
        Assert.Equal("/run/body", Read(Pack("runtimeoptions.v1.Options", options)).Root);

        options.ConfigBody = ByteString.CopyFromUtf8("TypeUrl = 'x'\nroot = 7");
        Assert.Equal("the runtime handler's options:2: root must be a string",
            Assert.Throws<ConfigurationException>(() => Read(Pack("runtimeoptions.v1.Options", options))).Message);

        options.ConfigPath = "/no/such/file.toml";
        Assert.Contains("/no/such/file.toml",
            Assert.Throws<ConfigurationException>(() => Read(Pack("runtimeoptions.v1.Options", options))).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("runtimeoptions.v1.Options")]
    [InlineData("containerd.runc.v1.Options")]
    [InlineData("type.googleapis.com/containerd.runc.v1.Options")]
    [InlineData("containerd.linux.runc.CreateOptions")]
    [InlineData("types.containerd.io/containerd.linux.runc.CreateOptions")]
    public void Otherwise_the_nodes_default_file_is_used(string? typeUrl)
    {
        Any? options = typeUrl is null ? null : new Any { TypeUrl = typeUrl };
        Assert.Equivalent(ConfigurationFile.ReadDefault([]), RuntimeOptions.Read(options, []), strict: true);
    }

    [Theory]
    [InlineData("containerd.runhcs.v1.Options")]
    [InlineData("type.googleapis.com/runtimeoptions.v2.Options")]
    [InlineData("xruntimeoptions.v1.Options")]
    public void Another_type_is_rejected_by_name(string typeUrl)
    {
        RefusedException e = Assert.Throws<RefusedException>(() => Read(new Any { TypeUrl = typeUrl }));
        Assert.Equal(Refusal.InvalidArgument, e.Refusal);
        Assert.Contains($"of type {typeUrl} are not supported", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_that_are_not_of_their_type_are_rejected()
    {
        var options = new Any { TypeUrl = "runtimeoptions.v1.Options", Value = ByteString.CopyFrom(0x0a, 0x7f, 0x00) };
        RefusedException e = Assert.Throws<RefusedException>(() => Read(options));
        Assert.Equal(Refusal.InvalidArgument, e.Refusal);
        Assert.Equal("runtime options are not a valid runtimeoptions.v1.Options message", e.Message);
    }

    private static ShimConfiguration Read(Any options)
    {
        List<string> warnings = [];
        ShimConfiguration configuration = RuntimeOptions.Read(options, warnings);
        Assert.Empty(warnings);
        return configuration;
    }

    private static Any Pack(string typeUrl, Options options) =>
        new() { TypeUrl = typeUrl, Value = options.ToByteString() };
}
