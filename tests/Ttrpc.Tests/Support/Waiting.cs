namespace Ttrpc.Tests.Support;

/// <summary>Bounds every wait of a test, so that a broken test fails instead of hanging.</summary>
internal static class Waiting
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(20);

    public static Task Soon(this Task task) => task.WaitAsync(s_bound);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(s_bound);
}
