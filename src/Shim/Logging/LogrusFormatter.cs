using System.Globalization;
using Serilog.Events;
using Serilog.Parsing;

namespace Shim.Logging;

/// <summary>
/// Formats a line as logrus does, so that it looks like containerd's own log:
/// <c>time="…" level=info msg="container created" id=web pid=12</c>.
/// </summary>
/// <remarks>The message is the template without its properties, which follow as key=value.</remarks>
internal static class LogrusFormatter
{
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'";

    /// <summary>Writes one event as one line.</summary>
    public static void Format(LogEvent logEvent, TextWriter output)
    {
        output.Write("time=\"");
        output.Write(logEvent.Timestamp.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture));
        output.Write("\" level=");
        output.Write(LevelOf(logEvent.Level));
        output.Write(" msg=");
        WriteQuoted(output, MessageOf(logEvent.MessageTemplate));
        foreach (MessageTemplateToken token in logEvent.MessageTemplate.Tokens)
            if (token is PropertyToken property
                && logEvent.Properties.TryGetValue(property.PropertyName, out LogEventPropertyValue? value))
            {
                output.Write(' ');
                output.Write(property.PropertyName);
                output.Write('=');
                WriteValue(output, value is ScalarValue { Value: { } scalar } ? Text(scalar) : "");
            }
        if (logEvent.Exception is { } exception)
        {
            output.Write(" error=");
            WriteQuoted(output, exception.ToString());
        }
        output.Write('\n');
    }

    private static string MessageOf(MessageTemplate template) =>
        FirstOf(template.Tokens) is TextToken text ? text.Text.TrimEnd() : "";

    private static MessageTemplateToken? FirstOf(IEnumerable<MessageTemplateToken> tokens)
    {
        foreach (MessageTemplateToken token in tokens)
            return token;
        return null;
    }

    private static string Text(object scalar) => scalar is IFormattable formattable
        ? formattable.ToString(null, CultureInfo.InvariantCulture)
        : scalar.ToString() ?? "";

    private static string LevelOf(LogEventLevel level) => level switch
    {
        LogEventLevel.Verbose => "trace",
        LogEventLevel.Debug => "debug",
        LogEventLevel.Information => "info",
        LogEventLevel.Warning => "warning",
        LogEventLevel.Error => "error",
        _ => "fatal",
    };

    private static void WriteValue(TextWriter output, string value)
    {
        foreach (char c in value)
            if (!(char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '/' or '@' or '^' or '+' or ':'))
            {
                WriteQuoted(output, value);
                return;
            }
        output.Write(value.Length == 0 ? "\"\"" : value);
    }

    /// <summary>Quotes a text so that even a hostile one cannot start a second line or a second field.</summary>
    private static void WriteQuoted(TextWriter output, string text)
    {
        output.Write('"');
        foreach (char c in text)
            switch (c)
            {
                case '"': output.Write("\\\""); break;
                case '\\': output.Write("\\\\"); break;
                case '\n': output.Write("\\n"); break;
                case '\r': output.Write("\\r"); break;
                case '\t': output.Write("\\t"); break;
                case < ' ' or (>= '\x7f' and < '\xa0') or '\u2028' or '\u2029':
                    output.Write($"\\u{(int)c:x4}");
                    break;
                default: output.Write(c); break;
            }
        output.Write('"');
    }
}
