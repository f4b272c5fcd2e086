using Tomlyn;
using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace Shim.Configuration;

/// <summary>Reads a <see cref="ShimConfiguration"/> from TOML, once.</summary>
/// <remarks>
/// It reads a syntax tree, not a model: that has the line of every key, and needs no reflection. The keys are at the
/// same places as in the file of gVisor's shim, so that it can be used unchanged.
/// </remarks>
/// <param name="source">The name of the TOML in messages.</param>
/// <param name="warnings">Gets a sentence for each unknown key or table.</param>
internal sealed class ConfigurationReader(string source, ICollection<string> warnings)
{
    private ShimConfiguration _configuration =
        ShimConfiguration.Default with { RunscConfig = new(StringComparer.Ordinal) };

    /// <summary>Reads it.</summary>
    /// <exception cref="ConfigurationException">It is not TOML, or a value has the wrong type.</exception>
    public ShimConfiguration Read(string text)
    {
        DocumentSyntax document = Parse(text);
        foreach (DiagnosticMessage message in document.Diagnostics)
            if (message.Kind == DiagnosticMessageKind.Error)
                throw new ConfigurationException(
                    $"{source}:{message.Span.Start.Line + 1}: not valid TOML: {message.Message}");
        foreach (KeyValueSyntax entry in document.KeyValues)
            ReadEntry(new ConfigurationValue(source, ConfigurationValue.NameOf(entry.Key), entry.Value, entry));
        foreach (TableSyntaxBase table in document.Tables)
        {
            string name = ConfigurationValue.NameOf(table.Name);
            if (table is TableSyntax && IsTable(name))
                foreach (KeyValueSyntax entry in table.Items)
                    ReadTableEntry(name, ConfigurationValue.NameOf(entry.Key), entry.Value, entry);
            else
                Warn(table, $"unknown table [{name}] is ignored");
        }
        return _configuration;
    }

    private DocumentSyntax Parse(string text)
    {
        try
        {
            return SyntaxParser.Parse(text, source);
        }
        // The parser reports most errors, but throws if arrays or tables are nested too deeply, and where it did not
        // think of one: a file that ends with a backslash in a string, for instance.
        catch (Exception e) when (e is TomlException or ArgumentException or InvalidOperationException
            or IndexOutOfRangeException or FormatException or OverflowException or NullReferenceException)
        {
            throw new ConfigurationException($"{source}: not valid TOML: {e.Message}", e);
        }
    }

    private static bool IsTable(string name) => name is "runsc_config" or "checkpoint" or "restore";

    private void ReadEntry(ConfigurationValue entry)
    {
        switch (entry.Key)
        {
            case "binary_name": _configuration = _configuration with { BinaryName = entry.Text() }; break;
            case "root": _configuration = _configuration with { Root = entry.AbsolutePath() }; break;
            case "shim_cgroup": _configuration = _configuration with { ShimCgroup = entry.Text() }; break;
            case "io_uid": _configuration = _configuration with { IoUid = entry.Id() }; break;
            case "io_gid": _configuration = _configuration with { IoGid = entry.Id() }; break;
            case "log_level": _configuration = _configuration with { LogLevel = entry.LogLevel() }; break;
            case "log_path": _configuration = _configuration with { LogPath = entry.Text() }; break;
            case "grouping": _configuration = _configuration with { Grouping = entry.Boolean() }; break;
            case "kubelet_root": _configuration = _configuration with { KubeletRoot = entry.AbsolutePath() }; break;
            case "empty_dir": _configuration = _configuration with { EmptyDirsOfPod = entry.EmptyDirsOfPod() }; break;
            case "restore_root": _configuration = _configuration with { RestoreRoot = entry.AbsolutePath() }; break;
            case "restore_across_namespaces":
                _configuration = _configuration with { RestoreAcrossNamespaces = entry.Boolean() };
                break;
            case "checkpoint_root":
                _configuration = _configuration with { CheckpointRoot = entry.AbsolutePath() };
                break;
            case "allowed_annotations":
                _configuration = _configuration with { AllowedAnnotations = entry.Texts() };
                break;
            case "enable_hibernate_server":
                _configuration = _configuration with { EnableHibernateServer = entry.Boolean() };
                break;
            // If the CRI passes the runtime handler's whole options table, its type is in it too.
            case "TypeUrl" or "ConfigPath" or "ConfigBody": break;
            default: ReadNested(entry); break;
        }
    }

    /// <summary>A table that is written inline, or a key of one that is written with dots.</summary>
    private void ReadNested(ConfigurationValue entry)
    {
        if (IsTable(entry.Key))
        {
            foreach (InlineTableItemSyntax item in entry.InlineTable().Items)
            {
                KeyValueSyntax inner = item.KeyValue!;
                ReadTableEntry(entry.Key, ConfigurationValue.NameOf(inner.Key), inner.Value, inner);
            }
            return;
        }
        int dot = entry.Key.IndexOf('.');
        if (dot > 0 && IsTable(entry.Key[..dot]))
            ReadTableEntry(entry.Key[..dot], entry.Key[(dot + 1)..], entry.Value, entry.Node);
        else
            Warn(entry.Node, $"unknown key {entry.Key} is ignored");
    }

    /// <summary>A key of a table, however the table is written.</summary>
    private void ReadTableEntry(string table, string name, ValueSyntax? value, SyntaxNode node)
    {
        var entry = new ConfigurationValue(source, $"{table}.{name}", value, node);
        if (table == "runsc_config")
            _configuration.RunscConfig[entry.FlagName(name)] = entry.FlagValue();
        else if (With(entry) is { } changed)
            _configuration = changed;
        else
            Warn(node, $"unknown key {entry.Key} is ignored");
    }

    /// <returns>The configuration with the value; null if the key is unknown.</returns>
    private ShimConfiguration? With(ConfigurationValue entry)
    {
        CheckpointConfiguration checkpoint = _configuration.Checkpoint;
        RestoreConfiguration restore = _configuration.Restore;
        return entry.Key switch
        {
            "checkpoint.compression" => _configuration with
            {
                Checkpoint = checkpoint with { Compression = entry.Text() },
            },
            "checkpoint.direct" => _configuration with { Checkpoint = checkpoint with { Direct = entry.Boolean() } },
            "checkpoint.exclude_committed_zero_pages" => _configuration with
            {
                Checkpoint = checkpoint with { ExcludeCommittedZeroPages = entry.Boolean() },
            },
            "restore.direct" => _configuration with { Restore = restore with { Direct = entry.Boolean() } },
            "restore.background" => _configuration with { Restore = restore with { Background = entry.Boolean() } },
            "restore.timeout" => _configuration with { Restore = restore with { Timeout = entry.Seconds() } },
            _ => null,
        };
    }

    private void Warn(SyntaxNode node, string warning) =>
        warnings.Add($"{source}:{ConfigurationValue.LineOf(node)}: {warning}");
}
