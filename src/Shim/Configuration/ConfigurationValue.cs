using System.Globalization;
using System.Text;
using Tomlyn.Syntax;

namespace Shim.Configuration;

/// <summary>A key of the configuration and its value, with where they are.</summary>
/// <param name="source">The name of the TOML in messages.</param>
/// <param name="key">The key, with its table.</param>
/// <param name="value">The value.</param>
/// <param name="node">Where the key is.</param>
internal readonly struct ConfigurationValue(string source, string key, ValueSyntax? value, SyntaxNode node)
{
    /// <summary>The key, with its table.</summary>
    public string Key { get; } = key;

    /// <summary>The value.</summary>
    public ValueSyntax? Value { get; } = value;

    /// <summary>Where the key is.</summary>
    public SyntaxNode Node { get; } = node;

    /// <summary>A string.</summary>
    /// <exception cref="ConfigurationException">It is something else.</exception>
    public string Text() => Value is StringValueSyntax { Value: { } text } ? WithoutNul(text) : throw Wrong("a string");

    /// <summary>A list of strings.</summary>
    /// <inheritdoc cref="Text"/>
    public IReadOnlyList<string> Texts()
    {
        if (Value is not ArraySyntax array)
            throw Wrong("a list of strings");
        List<string> texts = [];
        foreach (ArrayItemSyntax item in array.Items)
            texts.Add(item.Value is StringValueSyntax { Value: { } text } ? text : throw Wrong("a list of strings"));
        return texts;
    }

    /// <summary>A path that begins with a slash.</summary>
    /// <inheritdoc cref="Text"/>
    public string AbsolutePath() => Text() is ['/', ..] path ? path : throw Wrong("an absolute path");

    /// <summary>The name of a log level, as logrus has them; empty for the default.</summary>
    /// <inheritdoc cref="Text"/>
    public string LogLevel() => Text() is
        "" or "trace" or "debug" or "info" or "warn" or "warning" or "error" or "fatal" or "panic"
        ? Text() : throw Wrong("one of trace, debug, info, warn, error");

    /// <summary><c>"pod"</c>, or empty.</summary>
    /// <inheritdoc cref="Text"/>
    public bool EmptyDirsOfPod() => Text() switch
    {
        "pod" => true,
        "" => false,
        _ => throw Wrong("\"pod\", or empty for what pods' annotations say"),
    };

    /// <summary>True or false.</summary>
    /// <inheritdoc cref="Text"/>
    public bool Boolean() => Value is BooleanValueSyntax boolean ? boolean.Value : throw Wrong("true or false");

    /// <summary>A number of seconds above 0.</summary>
    /// <inheritdoc cref="Text"/>
    public TimeSpan Seconds() => Value is IntegerValueSyntax { Value: > 0 and <= int.MaxValue / 1000 } seconds
        ? TimeSpan.FromSeconds(seconds.Value) : throw Wrong("a number of seconds above 0");

    /// <summary>A user's or group's id.</summary>
    /// <inheritdoc cref="Text"/>
    public uint Id() => Value is IntegerValueSyntax { Value: >= 0 and <= uint.MaxValue } integer
        ? (uint)integer.Value : throw Wrong("an integer from 0 to 4294967295");

    /// <summary>A table in braces.</summary>
    /// <inheritdoc cref="Text"/>
    public InlineTableSyntax InlineTable() => Value as InlineTableSyntax ?? throw Wrong("a table");

    /// <summary>The name of a flag of runsc's.</summary>
    /// <exception cref="ConfigurationException">It has dashes in front, or a '=' or NUL.</exception>
    public string FlagName(string name) =>
        name.Length > 0 && name[0] != '-' && !name.AsSpan().ContainsAny('=', '\0') ? name
            : throw new ConfigurationException(
                $"{source}:{LineOf(Node)}: {Key}: a flag's name has no dashes in front, no '=' and no NUL");

    /// <summary>
    /// The value of a flag: a string; booleans and integers, which people write for them, mean the same.
    /// </summary>
    /// <inheritdoc cref="Text"/>
    public string FlagValue() => Value switch
    {
        StringValueSyntax { Value: { } text } => WithoutNul(text),
        BooleanValueSyntax boolean => boolean.Value ? "true" : "false",
        IntegerValueSyntax integer => integer.Value.ToString(CultureInfo.InvariantCulture),
        _ => throw Wrong("a string, a boolean or an integer"),
    };

    /// <summary>A line's number, from 1.</summary>
    public static int LineOf(SyntaxNode node) => node.Span.Start.Line + 1;

    /// <summary>A key as one would say it: its parts without quotes, joined by dots.</summary>
    public static string NameOf(KeySyntax? key)
    {
        var name = new StringBuilder(PartOf(key?.Key));
        if (key is not null)
            foreach (DottedKeyItemSyntax item in key.DotKeys)
                name.Append('.').Append(PartOf(item.Key));
        return name.ToString();
    }

    /// <summary>No path and no argument of a program can have one.</summary>
    private string WithoutNul(string text) => text.Contains('\0') ? throw Wrong("a string without NUL") : text;

    private ConfigurationException Wrong(string expected) => new($"{source}:{LineOf(Node)}: {Key} must be {expected}");

    private static string PartOf(BareKeyOrStringValueSyntax? part) => part switch
    {
        BareKeySyntax bare => bare.Key?.Text ?? "",
        StringValueSyntax quoted => quoted.Value ?? "",
        _ => "",
    };
}
