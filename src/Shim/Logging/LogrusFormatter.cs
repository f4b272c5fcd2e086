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
    private const int LongestSentence = 2048;
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'";

    /// <summary>Writes one event as one line.</summary>
    public static void Format(LogEvent logEvent, LogrusLine line)
    {
        line.Clear();
        line.Write("time=\"");
        line.Write(logEvent.Timestamp.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture));
        line.Write("\" level=");
        line.Write(LevelOf(logEvent.Level));
        line.Write(" msg=");
        line.WriteQuoted(MessageOf(logEvent.MessageTemplate));
        foreach (MessageTemplateToken token in logEvent.MessageTemplate.Tokens)
            if (token is PropertyToken property
                && logEvent.Properties.TryGetValue(property.PropertyName, out LogEventPropertyValue? value))
            {
                line.Write(" ");
                line.Write(property.PropertyName);
                line.Write("=");
                line.WriteValue(value is ScalarValue { Value: { } scalar } ? TextOf(scalar) : "",
                    IsSentence(property.PropertyName) ? LongestSentence : Text.LongestValue);
            }
        if (logEvent.Exception is { } exception)
        {
            line.Write(" error=");
            line.WriteQuoted(exception.ToString(), LogrusLine.Longest); // what fits
        }
        line.End();
    }

    /// <summary>Whether the shim wrote the text; what strangers wrote is cut where it is put into it.</summary>
    private static bool IsSentence(string property) => property is "reason" or "warning" or "why" or "dump";

    private static string MessageOf(MessageTemplate template) =>
        FirstOf(template.Tokens) is TextToken text ? text.Text.TrimEnd() : "";

    private static MessageTemplateToken? FirstOf(IEnumerable<MessageTemplateToken> tokens)
    {
        foreach (MessageTemplateToken token in tokens)
            return token;
        return null;
    }

    private static string TextOf(object scalar) => scalar is IFormattable formattable
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
}
