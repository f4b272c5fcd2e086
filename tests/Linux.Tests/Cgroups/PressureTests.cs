namespace Linux.Tests;

public sealed class PressureTests
{
    [Fact]
    public void Both_lines_are_read() => Assert.Equal(
        new Pressure(new PressureTimes(12.34, 5, 0.01, 1234567), new PressureTimes(0, 0, 0, 8)),
        Pressure.Parse("some avg10=12.34 avg60=5.00 avg300=0.01 total=1234567\n"
            + "full avg10=0.00 avg60=0.00 avg300=0.00 total=8\n"));

    [Theory]
    [InlineData("")]
    [InlineData("some avg10=x total=y\nfull\nmore avg10=1.00\n")]
    public void What_cannot_be_read_is_zero(string text) =>
        Assert.Equal(new Pressure(default, default), Pressure.Parse(text));

    [Fact]
    public void A_kernel_without_it_has_none() => Assert.Null(Pressure.Parse(null));
}
