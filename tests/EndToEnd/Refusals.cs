using Grpc.Core;

namespace EndToEnd;

/// <summary>Calls that must fail.</summary>
internal static class Refusals
{
    /// <summary>Requires that a call fails with a code, and with words in its message.</summary>
    public static Task AssertCodeAsync<T>(StatusCode code, string words, AsyncUnaryCall<T> call) =>
        AssertCodeAsync(code, words, call.ResponseAsync);

    /// <inheritdoc cref="AssertCodeAsync{T}"/>
    public static async Task AssertCodeAsync(StatusCode code, string words, Task call)
    {
        RpcException error = await Assert.ThrowsAsync<RpcException>(() => call);
        Assert.Contains(words, error.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(code, error.StatusCode);
    }
}
