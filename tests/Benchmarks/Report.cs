using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Benchmarks;

/// <summary>The figures: a table for people, JSON for programs.</summary>
internal sealed class Report
{
    private readonly List<Row> _rows = [];

    private sealed record Row(string Measure, string Unit, string Subject, Samples Samples, bool Compared);

    /// <summary>
    /// Adds a row. Of those with one <paramref name="measure"/> the first is what the others are compared with.
    /// </summary>
    /// <param name="compared">False where the rows are parts of one thing.</param>
    public void Add(string measure, string unit, string subject, Samples samples, bool compared = true) =>
        _rows.Add(new Row(measure, unit, subject, samples, compared));

    /// <summary>The medians with their spread; the ratio is to the first row of a group.</summary>
    public string ToTable()
    {
        int subjects = _rows.Count == 0 ? 0 : _rows.Max(row => row.Subject.Length);
        var table = new StringBuilder();
        foreach (IGrouping<(string Measure, string Unit), Row> group in _rows.GroupBy(row => (row.Measure, row.Unit)))
        {
            double reference = group.First().Samples.Median;
            table.AppendLine(CultureInfo.InvariantCulture, $"\n{group.Key.Measure}, {group.Key.Unit}");
            table.AppendLine(CultureInfo.InvariantCulture,
                $"  {"".PadRight(subjects)}  {"median",10}  {"p10 .. p90",23}"
                + $"  {"min .. max",23}  {"n",6}  {"ratio",7}");
            foreach (Row row in group)
            {
                Samples s = row.Samples;
                string ratio = reference == 0 || !row.Compared ? "-"
                    : (s.Median / reference).ToString("0.00", CultureInfo.InvariantCulture);
                table.AppendLine(CultureInfo.InvariantCulture,
                    $"  {row.Subject.PadRight(subjects)}  {Figure(s.Median),10}  {Range(s.Tenth, s.Ninetieth),23}"
                    + $"  {Range(s.Least, s.Most),23}  {s.Count,6}  {ratio,7}");
            }
        }
        return table.ToString();
    }

    public string ToJson()
    {
        var rows = new JsonArray();
        foreach (Row row in _rows)
            rows.Add(new JsonObject
            {
                ["measure"] = row.Measure,
                ["unit"] = row.Unit,
                ["subject"] = row.Subject,
                ["median"] = row.Samples.Median,
                ["p10"] = row.Samples.Tenth,
                ["p90"] = row.Samples.Ninetieth,
                ["min"] = row.Samples.Least,
                ["max"] = row.Samples.Most,
                ["count"] = row.Samples.Count,
            });
        return rows.ToJsonString(new System.Text.Json.JsonSerializerOptions { WriteIndented = true });
    }

    private static string Range(double low, double high) => $"{Figure(low)} .. {Figure(high)}";

    /// <summary>At least three digits, and only significant ones.</summary>
    private static string Figure(double value) =>
        value.ToString(value switch { >= 100 => "#,0", >= 10 => "0.0", _ => "0.00" }, CultureInfo.InvariantCulture);
}
