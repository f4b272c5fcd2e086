using System.Globalization;
using Linux;
using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace Shim.Configuration;

/// <summary>Reads a <see cref="ShimConfiguration"/> from TOML.</summary>
/// <remarks>
/// A syntax tree is read, not a model: it knows the line of every key, and it needs no reflection. The same keys at
/// the same places as gVisor's shim has them, so that its file can be used unchanged.
/// </remarks>
internal static class ConfigurationFile
{
    /// <summary>Where a configuration is looked for when containerd names none; the first that exists counts.</summary>
    public static IReadOnlyList<string> DefaultPaths { get; } =
    [
        "/run/containerd/runsc/config.toml",
        "/etc/containerd/runsc/config.toml",
        "/etc/containerd/runsc.toml",
    ];

    /// <summary>Reads the file at <paramref name="path"/>.</summary>
    /// <exception cref="ConfigurationException">The file cannot be read, is not TOML, or a value has the wrong type.</exception>
    public static ShimConfiguration Read(string path, ICollection<string> warnings)
    {
        string text;
        try
        {
            if (Fifo.Is(path))
                throw new ConfigurationException($"shim configuration {path} is a FIFO, not a file");
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"shim configuration {path} cannot be read: {e.Message}", e);
        }
        return Parse(text, path, warnings);
    }

    /// <summary>Reads the first of <see cref="DefaultPaths"/> that exists; without one, the defaults.</summary>
    /// <exception cref="ConfigurationException">As for <see cref="Read"/>.</exception>
    public static ShimConfiguration ReadDefault(ICollection<string> warnings)
    {
        foreach (string path in DefaultPaths)
            if (File.Exists(path))
                return Read(path, warnings);
        return ShimConfiguration.Default;
    }

    /// <summary>Reads TOML; <paramref name="source"/> is what messages call it.</summary>
    /// <exception cref="ConfigurationException">It is not TOML, or a value has the wrong type.</exception>
    public static ShimConfiguration Parse(string text, string source, ICollection<string> warnings)
    {
        DocumentSyntax document = SyntaxParser.Parse(text, source);
        foreach (DiagnosticMessage message in document.Diagnostics)
            if (message.Kind == DiagnosticMessageKind.Error)
                throw new ConfigurationException($"{source}:{message.Span.Start.Line + 1}: not valid TOML: {message.Message}");

        var configuration = ShimConfiguration.Default with { RunscConfig = new(StringComparer.Ordinal) };
        foreach (KeyValueSyntax entry in document.KeyValues)
            configuration = Apply(configuration, entry, NameOf(entry.Key), source, warnings);
        foreach (TableSyntaxBase table in document.Tables)
        {
            string name = NameOf(table.Name);
            if (table is TableSyntax && name is "runsc_config" or "checkpoint" or "restore")
                foreach (KeyValueSyntax entry in table.Items)
                    configuration = ApplyIn(configuration, name, NameOf(entry.Key), entry.Value, entry, source, warnings);
            else
                warnings.Add($"{source}:{LineOf(table)}: unknown table [{name}] is ignored");
        }
        return configuration;
    }

    private static ShimConfiguration Apply(
        ShimConfiguration to, KeyValueSyntax entry, string key, string source, ICollection<string> warnings)
    {
        switch (key)
        {
            case "binary_name": return to with { BinaryName = Text(entry, key, source) };
            case "root": return to with { Root = AbsolutePath(entry, key, source) };
            case "shim_cgroup": return to with { ShimCgroup = Text(entry, key, source) };
            case "io_uid": return to with { IoUid = Id(entry, key, source) };
            case "io_gid": return to with { IoGid = Id(entry, key, source) };
            case "log_level": return to with { LogLevel = Level(entry, key, source) };
            case "log_path": return to with { LogPath = Text(entry, key, source) };
            case "grouping": return to with { Grouping = Boolean(entry.Value, entry, key, source) };
            case "kubelet_root": return to with { KubeletRoot = AbsolutePath(entry, key, source) };
            case "empty_dir": return to with { EmptyDirsOfPod = EmptyDirsOfPod(entry, key, source) };
            case "restore_root": return to with { RestoreRoot = AbsolutePath(entry, key, source) };
            case "enable_hibernate_server": return to with { EnableHibernateServer = Boolean(entry.Value, entry, key, source) };
            case "runsc_config" or "checkpoint" or "restore" when entry.Value is InlineTableSyntax table:
                foreach (InlineTableItemSyntax item in table.Items)
                    to = ApplyIn(to, key, NameOf(item.KeyValue!.Key), item.KeyValue.Value, item.KeyValue, source, warnings);
                return to;
            case "runsc_config" or "checkpoint" or "restore":
                throw Wrong(entry, key, "a table", source);
            // Where CRI passes the runtime handler's whole options table, its type stands in it too.
            case "TypeUrl" or "ConfigPath" or "ConfigBody":
                return to;
            default:
                int dot = key.IndexOf('.');
                if (dot > 0 && key[..dot] is "runsc_config" or "checkpoint" or "restore")
                    return ApplyIn(to, key[..dot], key[(dot + 1)..], entry.Value, entry, source, warnings);
                warnings.Add($"{source}:{LineOf(entry)}: unknown key {key} is ignored");
                return to;
        }
    }

    /// <summary>A key of a table, however the table is written.</summary>
    private static ShimConfiguration ApplyIn(ShimConfiguration to, string table, string name, ValueSyntax? value,
        SyntaxNode at, string source, ICollection<string> warnings)
    {
        string key = $"{table}.{name}";
        switch (key)
        {
            case "checkpoint.compression":
                return to with { Checkpoint = to.Checkpoint with { Compression = Text(value, at, key, source) } };
            case "checkpoint.direct":
                return to with { Checkpoint = to.Checkpoint with { Direct = Boolean(value, at, key, source) } };
            case "checkpoint.exclude_committed_zero_pages":
                return to with { Checkpoint = to.Checkpoint with { ExcludeCommittedZeroPages = Boolean(value, at, key, source) } };
            case "restore.direct":
                return to with { Restore = to.Restore with { Direct = Boolean(value, at, key, source) } };
            case "restore.background":
                return to with { Restore = to.Restore with { Background = Boolean(value, at, key, source) } };
            case "restore.timeout":
                return to with { Restore = to.Restore with { Timeout = Seconds(value, at, key, source) } };
        }
        if (table == "runsc_config")
            AddFlag(to, name, value, at, source);
        else
            warnings.Add($"{source}:{LineOf(at)}: unknown key {key} is ignored");
        return to;
    }

    /// <summary>Flags are strings; booleans and integers are what people write for them, and mean the same.</summary>
    private static void AddFlag(ShimConfiguration to, string flag, ValueSyntax? value, SyntaxNode at, string source)
    {
        string key = $"runsc_config.{flag}";
        if (flag.Length == 0 || flag[0] == '-' || flag.Contains('='))
            throw new ConfigurationException($"{source}:{LineOf(at)}: {key}: a flag's name has no dashes in front and no '='");
        to.RunscConfig[flag] = value switch
        {
            StringValueSyntax { Value: { } text } => text,
            BooleanValueSyntax boolean => boolean.Value ? "true" : "false",
            IntegerValueSyntax integer => integer.Value.ToString(CultureInfo.InvariantCulture),
            _ => throw Wrong(at, key, "a string, a boolean or an integer", source),
        };
    }

    private static string Text(KeyValueSyntax entry, string key, string source) => Text(entry.Value, entry, key, source);

    private static string Text(ValueSyntax? value, SyntaxNode at, string key, string source) =>
        value is StringValueSyntax { Value: { } text } ? text : throw Wrong(at, key, "a string", source);

    private static string AbsolutePath(KeyValueSyntax entry, string key, string source)
    {
        string path = Text(entry, key, source);
        return path.StartsWith('/') ? path : throw Wrong(entry, key, "an absolute path", source);
    }

    private static string Level(KeyValueSyntax entry, string key, string source)
    {
        string level = Text(entry, key, source);
        return level is "" or "trace" or "debug" or "info" or "warn" or "warning" or "error" or "fatal" or "panic"
            ? level
            : throw Wrong(entry, key, "one of trace, debug, info, warn, error", source);
    }

    private static bool EmptyDirsOfPod(KeyValueSyntax entry, string key, string source) => Text(entry, key, source) switch
    {
        "pod" => true,
        "" => false,
        _ => throw Wrong(entry, key, "\"pod\", or empty for what pods' annotations say", source),
    };

    private static bool Boolean(ValueSyntax? value, SyntaxNode at, string key, string source) =>
        value is BooleanValueSyntax boolean ? boolean.Value : throw Wrong(at, key, "true or false", source);

    private static TimeSpan Seconds(ValueSyntax? value, SyntaxNode at, string key, string source) =>
        value is IntegerValueSyntax { Value: > 0 and <= int.MaxValue / 1000 } seconds
            ? TimeSpan.FromSeconds(seconds.Value)
            : throw Wrong(at, key, "a number of seconds above 0", source);

    private static uint Id(KeyValueSyntax entry, string key, string source) =>
        entry.Value is IntegerValueSyntax { Value: >= 0 and <= uint.MaxValue } integer
            ? (uint)integer.Value
            : throw Wrong(entry, key, "an integer from 0 to 4294967295", source);

    private static ConfigurationException Wrong(SyntaxNode at, string key, string expected, string source) =>
        new($"{source}:{LineOf(at)}: {key} must be {expected}");

    private static int LineOf(SyntaxNode node) => node.Span.Start.Line + 1;

    /// <summary>The key as one would say it: parts without quotes, joined by dots.</summary>
    private static string NameOf(KeySyntax? key)
    {
        string name = PartOf(key?.Key);
        if (key is not null)
            foreach (DottedKeyItemSyntax item in key.DotKeys)
                name += "." + PartOf(item.Key);
        return name;
    }

    private static string PartOf(BareKeyOrStringValueSyntax? part) => part switch
    {
        BareKeySyntax bare => bare.Key?.Text ?? "",
        StringValueSyntax quoted => quoted.Value ?? "",
        _ => "",
    };
}
