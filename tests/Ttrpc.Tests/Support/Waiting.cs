namespace Ttrpc.Tests.Support;

/// <summary>Every wait of a test has an end; a good test never reaches it.</summary>
internal static class Waiting
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(20);

    public static Task Soon(this Task task) => task.WaitAsync(s_bound);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(s_bound);
}
