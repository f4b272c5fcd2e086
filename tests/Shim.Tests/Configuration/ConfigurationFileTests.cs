using Shim.Configuration;

namespace Shim.Tests.Configuration;

public sealed class ConfigurationFileTests
{
    [Fact]
    public void Every_key_is_read()
    {
        ShimConfiguration configuration = Parse(
            """
            binary_name = "/opt/gvisor/runsc"
            root = "/run/other"
            shim_cgroup = "/system.slice/shims"
            io_uid = 1000
            io_gid = 4294967295
            log_level = "debug"
            log_path = "/var/log/shim/"
            grouping = false
            restore_root = "/var/lib/checkpoints"
            restore_across_namespaces = true
            checkpoint_root = "/var/lib/checkpoints/%NAMESPACE%"
            allowed_annotations = ["dev.gvisor.flag.debug", "dev.gvisor.spec.*"]
            enable_hibernate_server = true

            [checkpoint]
            compression = "none"
            direct = true
            exclude_committed_zero_pages = true

            [restore]
            direct = true
            background = true
            timeout = 90

            [runsc_config]
            platform = "systrap"
            """);
        Assert.Equal("/opt/gvisor/runsc", configuration.BinaryName);
        Assert.Equal("/run/other", configuration.Root);
        Assert.Equal("/system.slice/shims", configuration.ShimCgroup);
        Assert.Equal(1000u, configuration.IoUid);
        Assert.Equal(4294967295u, configuration.IoGid);
        Assert.Equal("debug", configuration.LogLevel);
        Assert.Equal("/var/log/shim/", configuration.LogPath);
        Assert.False(configuration.Grouping);
        Assert.Equal("/var/lib/checkpoints", configuration.RestoreRoot);
        Assert.True(configuration.RestoreAcrossNamespaces);
        Assert.Equal("/var/lib/checkpoints/%NAMESPACE%", configuration.CheckpointRoot);
        Assert.Equal(["dev.gvisor.flag.debug", "dev.gvisor.spec.*"], configuration.AllowedAnnotations);
        Assert.True(configuration.EnableHibernateServer);
        Assert.Equal(
            new CheckpointConfiguration { Compression = "none", Direct = true, ExcludeCommittedZeroPages = true },
            configuration.Checkpoint);
        Assert.Equal(
            new RestoreConfiguration { Direct = true, Background = true, Timeout = TimeSpan.FromSeconds(90) },
            configuration.Restore);
        Assert.Equal([new("platform", "systrap")], configuration.RunscConfig);
    }

    [Fact]
    public void An_empty_file_means_the_defaults()
    {
        ShimConfiguration configuration = Parse("");
        Assert.Equal("runsc", configuration.BinaryName);
        Assert.Equal("/run/containerd/runsc", configuration.Root);
        Assert.Equal("", configuration.ShimCgroup);
        Assert.Equal((0u, 0u), (configuration.IoUid, configuration.IoGid));
        Assert.Equal("", configuration.LogLevel);
        Assert.Equal("", configuration.LogPath);
        Assert.True(configuration.Grouping);
        Assert.Equal("", configuration.RestoreRoot);
        Assert.False(configuration.RestoreAcrossNamespaces);
        Assert.Equal("", configuration.CheckpointRoot);
        Assert.Empty(configuration.AllowedAnnotations);
        Assert.False(configuration.EnableHibernateServer);
        Assert.Equal(new CheckpointConfiguration(), configuration.Checkpoint);
        Assert.Equal((false, false, 600), (configuration.Restore.Direct, configuration.Restore.Background,
            (int)configuration.Restore.Timeout.TotalSeconds));
        Assert.Empty(configuration.RunscConfig);
    }

    [Theory]
    [InlineData("[runsc_config]\ndebug = \"true\"\noverlay2 = 'none'\nnum-network-channels = 4\nnet-raw = false")]
    [InlineData("runsc_config = { overlay2 = 'none', debug = true, net-raw = false, num-network-channels = 4 }")]
    [InlineData("""
        runsc_config.debug = true
        runsc_config.overlay2 = "none"
        runsc_config.net-raw = "false"
        runsc_config.num-network-channels = 0x4
        """)]
    [InlineData("""
        ["runsc_config"]
        "debug" = true
        'overlay2' = "none"
        net-raw = false
        num-network-channels = "4"
        """)]
    public void Flags_can_be_strings_booleans_or_integers_and_are_sorted(string text)
    {
        Assert.Equal(
            [new("debug", "true"), new("net-raw", "false"), new("num-network-channels", "4"), new("overlay2", "none")],
            Parse(text).RunscConfig);
    }

    [Fact]
    public void Parse_does_not_change_an_earlier_result()
    {
        Parse("runsc_config = { debug = true }");
        Assert.Empty(Parse("").RunscConfig);
        Assert.Empty(ShimConfiguration.Default.RunscConfig);
    }

    [Theory]
    [InlineData("binary_name = 1", "conf.toml:1: binary_name must be a string")]
    [InlineData("\n\nroot = true", "conf.toml:3: root must be a string")]
    [InlineData("root = 'relative'", "conf.toml:1: root must be an absolute path")]
    [InlineData("shim_cgroup = []", "conf.toml:1: shim_cgroup must be a string")]
    [InlineData("io_uid = '0'", "conf.toml:1: io_uid must be an integer from 0 to 4294967295")]
    [InlineData("io_uid = -1", "conf.toml:1: io_uid must be an integer from 0 to 4294967295")]
    [InlineData("io_gid = 4294967296", "conf.toml:1: io_gid must be an integer from 0 to 4294967295")]
    [InlineData("log_level = 'loud'", "conf.toml:1: log_level must be one of trace, debug, info, warn, error")]
    [InlineData("log_level = 3", "conf.toml:1: log_level must be a string")]
    [InlineData("log_path = 1.5", "conf.toml:1: log_path must be a string")]
    [InlineData("log_path = \"/x\\u0000\"", "conf.toml:1: log_path must be a string without NUL")]
    [InlineData("[runsc_config]\nx = \"\\u0000\"", "conf.toml:2: runsc_config.x must be a string without NUL")]
    [InlineData("# one\ngrouping = 'no'", "conf.toml:2: grouping must be true or false")]
    [InlineData("restore_root = 'images'", "conf.toml:1: restore_root must be an absolute path")]
    [InlineData("checkpoint_root = 'images'", "conf.toml:1: checkpoint_root must be an absolute path")]
    [InlineData("restore_across_namespaces = 'no'", "conf.toml:1: restore_across_namespaces must be true or false")]
    [InlineData("allowed_annotations = 'x'", "conf.toml:1: allowed_annotations must be a list of strings")]
    [InlineData("allowed_annotations = [1]", "conf.toml:1: allowed_annotations must be a list of strings")]
    [InlineData("enable_hibernate_server = 1", "conf.toml:1: enable_hibernate_server must be true or false")]
    [InlineData("[checkpoint]\ncompression = false", "conf.toml:2: checkpoint.compression must be a string")]
    [InlineData("checkpoint.direct = 'yes'", "conf.toml:1: checkpoint.direct must be true or false")]
    [InlineData("restore = { background = 1 }", "conf.toml:1: restore.background must be true or false")]
    [InlineData("[restore]\ntimeout = 0", "conf.toml:2: restore.timeout must be a number of seconds above 0")]
    [InlineData("[restore]\ntimeout = '5m'", "conf.toml:2: restore.timeout must be a number of seconds above 0")]
    [InlineData("restore = true", "conf.toml:1: restore must be a table")]
    [InlineData("runsc_config = 'debug'", "conf.toml:1: runsc_config must be a table")]
    [InlineData("[runsc_config]\ndebug = 1.5",
        "conf.toml:2: runsc_config.debug must be a string, a boolean or an integer")]
    [InlineData("[runsc_config]\na = 'b'\ndebug = []",
        "conf.toml:3: runsc_config.debug must be a string, a boolean or an integer")]
    [InlineData("runsc_config = { debug = {} }",
        "conf.toml:1: runsc_config.debug must be a string, a boolean or an integer")]
    [InlineData("[runsc_config]\n--debug = true",
        "conf.toml:2: runsc_config.--debug: a flag's name has no dashes in front, no '=' and no NUL")]
    [InlineData("[runsc_config]\n\"debug=x\" = true",
        "conf.toml:2: runsc_config.debug=x: a flag's name has no dashes in front, no '=' and no NUL")]
    [InlineData("[runsc_config]\n'' = true",
        "conf.toml:2: runsc_config.: a flag's name has no dashes in front, no '=' and no NUL")]
    public void Parse_names_file_line_and_key_of_a_wrong_value(string text, string message)
    {
        Assert.Equal(message, Assert.Throws<ConfigurationException>(() => Parse(text)).Message);
    }

    [Theory]
    [InlineData("binary_name = ", 1)]
    [InlineData("root = '/a'\n[runsc_config\n", 2)]
    [InlineData("root = '/a'\n\nwhat is this", 3)]
    [InlineData("grouping = yes", 1)]
    public void Parse_names_file_and_line_of_invalid_TOML(string text, int line)
    {
        string message = Assert.Throws<ConfigurationException>(() => Parse(text)).Message;
        Assert.StartsWith($"conf.toml:{line}: not valid TOML: ", message, StringComparison.Ordinal);
    }

    /// <summary>The parser throws other exceptions for some errors.</summary>
    [Theory]
    [InlineData("binary_name = \"runs\\")]
    [InlineData("a = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[")]
    public void Parse_names_the_file_of_what_the_parser_cannot_take(string text) => Assert.StartsWith(
        "conf.toml: not valid TOML: ", Assert.Throws<ConfigurationException>(() => Parse(text)).Message,
        StringComparison.Ordinal);

    [Theory]
    [InlineData("[")]
    [InlineData("{x = ")]
    public void Parse_names_the_file_when_values_are_nested_too_deeply(string opening) => Assert.StartsWith(
        "conf.toml: not valid TOML: ", Assert.Throws<ConfigurationException>(() => Parse(
            $"root = {string.Concat(Enumerable.Repeat(opening, 10_000))}")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_key_of_many_parts_costs_memory_in_proportion_to_its_length()
    {
        string key = string.Join('.', Enumerable.Repeat("a", 5000));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(TimeSpan.FromSeconds(9),
            ConfigurationFile.Parse($"{key} = 1\nrestore.timeout = 9", "conf.toml", []).Restore.Timeout);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
    }

    [Fact]
    public void Parse_fails_when_a_key_occurs_twice()
    {
        string message = Assert.Throws<ConfigurationException>(() => Parse("root = '/a'\nroot = '/b'")).Message;
        Assert.StartsWith("conf.toml:2: ", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Unknown_keys_and_tables_are_warnings()
    {
        List<string> warnings = [];
        ShimConfiguration configuration = ConfigurationFile.Parse(
            """
            frob = 1
            root = '/a'
            a.b = 2
            [runsc]
            x = 1
            [[runsc_config]]
            y = 1
            [restore]
            speed = 1
            [[checkpoint]]
            direct = true
            """, "conf.toml", warnings);
        Assert.Equal(
            [
                "conf.toml:1: unknown key frob is ignored",
                "conf.toml:3: unknown key a.b is ignored",
                "conf.toml:4: unknown table [runsc] is ignored",
                "conf.toml:6: unknown table [runsc_config] is ignored",
                "conf.toml:9: unknown key restore.speed is ignored",
                "conf.toml:10: unknown table [checkpoint] is ignored",
            ],
            warnings);
        Assert.Equal("/a", configuration.Root);
        Assert.Empty(configuration.RunscConfig);
    }

    [Fact]
    public void Keys_of_containerds_own_options_table_give_no_warning()
    {
        ShimConfiguration configuration = Parse(
            """
            TypeUrl = "io.containerd.runsc.v1.options"
            ConfigPath = ""
            ConfigBody = ""
            root = "/run/body"
            """);
        Assert.Equal("/run/body", configuration.Root);
    }

    [Fact]
    public void Read_names_the_file_that_it_cannot_read()
    {
        using TempDirectory directory = new();
        string path = directory.Write("runsc.toml", "root = '/run/file'");
        Assert.Equal("/run/file", ConfigurationFile.Read(path, []).Root);

        string missing = directory["missing.toml"];
        string message = Assert.Throws<ConfigurationException>(() => ConfigurationFile.Read(missing, [])).Message;
        Assert.StartsWith($"cannot read shim configuration {missing}: ", message, StringComparison.Ordinal);
        Assert.Throws<ConfigurationException>(() => ConfigurationFile.Read(directory.Path, []));
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("/var/log/shim/", "/var/log/shim/runsc-shim-web.log")]
    [InlineData("/", "/runsc-shim-web.log")]
    [InlineData("/var/log/%ID%/", "/var/log/web/runsc-shim-web.log")]
    [InlineData("/var/log/shim.log", "/var/log/shim.log")]
    [InlineData("/var/log/%ID%.%ID%.log", "/var/log/web.web.log")]
    [InlineData("logs/", "logs/runsc-shim-web.log")]
    public void Log_path_is_a_file_or_a_directory(string logPath, string? file)
    {
        Assert.Equal(file, new ShimConfiguration { LogPath = logPath }.LogFileOf("web"));
    }

    private static ShimConfiguration Parse(string text)
    {
        List<string> warnings = [];
        ShimConfiguration configuration = ConfigurationFile.Parse(text, "conf.toml", warnings);
        Assert.Empty(warnings);
        return configuration;
    }
}
