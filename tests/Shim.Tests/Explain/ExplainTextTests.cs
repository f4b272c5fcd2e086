using System.Text;
using Shim.Explain;

namespace Shim.Tests.Explain;

public sealed class ExplainTextTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("plain \"text\" é 漢 😀", "plain \"text\" é 漢 😀")]
    [InlineData("a\nb\r\tc", @"a\nb\r\tc")]
    [InlineData("\u001b[31mred", @"\u001b[31mred")]
    [InlineData("\u007f\u009b\0", @"\u007f\u009b\u0000")] // 9b begins a control sequence too
    [InlineData("a\u202eb\u2066c\u200bd", @"a\u202eb\u2066c\u200bd")]
    [InlineData("\u2028\u2029", @"\u2028\u2029")]
    [InlineData("\U000e0001!", @"\U000e0001!")]
    [InlineData(@"\u001b", @"\\u001b")]
    public void Characters_that_a_terminal_acts_on_are_escaped(string text, string escaped)
    {
        Assert.Equal(escaped, ExplainText.Escape(text));
    }

    [Fact]
    public void Columns_are_aligned_by_visible_characters()
    {
        var output = new StringBuilder();
        ExplainText.WriteColumns(output, [["A", "B", "C"], ["é😀", "", "x"], ["a\u001b", "bb", ""]]);
        Assert.Equal(
            """
            A        B   C
            é😀       -   x
            a\u001b  bb  -

            """, output.ToString());
    }
}
