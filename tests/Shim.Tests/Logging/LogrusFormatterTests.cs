using System.Text;
using Serilog.Events;
using Serilog.Parsing;
using Shim.Logging;

namespace Shim.Tests.Logging;

public sealed class LogrusFormatterTests
{
    private static readonly DateTimeOffset s_time = new(2026, 8, 1, 14, 5, 6, 7, TimeSpan.FromHours(2));

    [Fact]
    public void A_line()
    {
        Assert.Equal(
            "time=\"2026-08-01T12:05:06.0070000Z\" level=info msg=\"container created\""
                + " id=web pid=12 took=0.5 none=\"\" words=\"two words\"\n",
            Format("container created {id} {pid} {took} {none} {words}",
                ("id", "web"), ("pid", 12), ("took", 0.5), ("none", null), ("words", "two words")));
    }

    [Theory]
    [InlineData(LogEventLevel.Verbose, "trace")]
    [InlineData(LogEventLevel.Debug, "debug")]
    [InlineData(LogEventLevel.Information, "info")]
    [InlineData(LogEventLevel.Warning, "warning")]
    [InlineData(LogEventLevel.Error, "error")]
    [InlineData(LogEventLevel.Fatal, "fatal")]
    public void Levels_have_logrus_names(LogEventLevel level, string name)
    {
        Assert.Contains($" level={name} ", Format("x", level, null), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plain-._/@^+:9", "plain-._/@^+:9")]
    [InlineData("", "\"\"")]
    [InlineData("a b", "\"a b\"")]
    [InlineData("a=b", "\"a=b\"")]
    [InlineData("x\" level=fatal msg=\"forged", "\"x\\\" level=fatal msg=\\\"forged\"")]
    [InlineData("a\\", "\"a\\\\\"")]
    [InlineData("a\ntime=b\r\t", "\"a\\ntime=b\\r\\t\"")]
    [InlineData("\u0000\u0007\u001b[31m\u007f\u0085\u2028\u2029",
        "\"\\u0000\\u0007\\u001b[31m\\u007f\\u0085\\u2028\\u2029\"")]
    [InlineData("grüße 🐳", "\"grüße 🐳\"")]
    [InlineData("a\u202eb\u2066c\u200bd", "\"a\\u202eb\\u2066c\\u200bd\"")]
    [InlineData("\U000e0041\ue000", "\"\\U000e0041\\ue000\"")]
    public void Hostile_values_stay_one_field_of_one_line(string value, string written)
    {
        string line = Format("x {value} {next}", ("value", value), ("next", 1));
        Assert.EndsWith($" msg=\"x\" value={written} next=1\n", line, StringComparison.Ordinal);
        Assert.Equal(1, line.Count(c => c == '\n'));
    }

    [Fact]
    public void Half_a_pair_is_replaced() =>
        Assert.EndsWith(" v=\"\ufffd\"\n", Format("x {v}", ("v", "\ud83d")), StringComparison.Ordinal);

    [Theory]
    [InlineData("a", 256, "")]
    [InlineData("a", 257, "…")]
    [InlineData("🐳", 257, "…")]
    [InlineData(" ", 200_000, "…")]
    public void A_value_is_cut_at_256_characters(string character, int count, string mark)
    {
        string value = string.Concat(Enumerable.Repeat(character, count));
        string line = Format("x {value} {next}", ("value", value), ("next", 1));
        string written = string.Concat(Enumerable.Repeat(character, 256)) + mark;
        Assert.Contains(mark.Length == 0 ? $" value={written} " : $" value=\"{written}\" ", line,
            StringComparison.Ordinal);
        Assert.EndsWith(" next=1\n", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("\"")]
    [InlineData("\u202e")]
    [InlineData("🐳")]
    [InlineData("\U000e0041")]
    public void A_line_of_many_long_values_is_4096_bytes_at_most(string character)
    {
        string value = string.Concat(Enumerable.Repeat(character, 5000));
        string line = Format("x {reason} {a} {b} {c} {d} {e} {f}", LogEventLevel.Error, new IOException(value),
            ("reason", value), ("a", value), ("b", value), ("c", value), ("d", value), ("e", value), ("f", value));
        Assert.InRange(Encoding.UTF8.GetByteCount(line), 3900, 4096);
        Assert.EndsWith("\n", line, StringComparison.Ordinal);
        Assert.Equal(1, line.Count(c => c == '\n'));
        string unescaped = line.Replace("\\\"", "", StringComparison.Ordinal);
        Assert.True(unescaped.Count(c => c == '"') % 2 == 0, unescaped);
    }

    [Fact]
    public void An_exception_is_one_field()
    {
        var error = new IOException("line one\n\"line two\"");
        string line = Format("failed {id}", LogEventLevel.Error, error, ("id", "web"));
        Assert.EndsWith(
            " level=error msg=\"failed\" id=web error=\"System.IO.IOException: line one\\n\\\"line two\\\"\"\n", line,
            StringComparison.Ordinal);
    }

    private static string Format(string template, params (string Name, object? Value)[] properties) =>
        Format(template, LogEventLevel.Information, null, properties);

    private static string Format(
        string template, LogEventLevel level, Exception? error, params (string Name, object? Value)[] properties)
    {
        var line = new LogrusLine();
        LogrusFormatter.Format(
            new LogEvent(s_time, level, error, new MessageTemplateParser().Parse(template),
                properties.Select(property => new LogEventProperty(property.Name, new ScalarValue(property.Value)))),
            line);
        return Encoding.UTF8.GetString(line.Bytes);
    }
}
