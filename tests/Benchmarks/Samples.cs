namespace Benchmarks;

/// <summary>The values of one measurement, in order of size.</summary>
internal sealed class Samples
{
    private readonly double[] _sorted;

    public Samples(params IEnumerable<double> values)
    {
        _sorted = [.. values.Order()];
        if (_sorted.Length == 0)
            throw new ArgumentException("nothing was measured", nameof(values));
    }

    public int Count => _sorted.Length;

    public double Median => Quantile(0.5);

    public double Tenth => Quantile(0.1);

    public double Ninetieth => Quantile(0.9);

    public double Least => _sorted[0];

    public double Most => _sorted[^1];

    /// <summary>Between two samples, where the quantile falls between them.</summary>
    private double Quantile(double part)
    {
        double at = part * (_sorted.Length - 1);
        int below = (int)at;
        int above = Math.Min(below + 1, _sorted.Length - 1);
        return _sorted[below] + ((_sorted[above] - _sorted[below]) * (at - below));
    }
}
