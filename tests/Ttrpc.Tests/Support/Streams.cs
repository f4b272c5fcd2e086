using Grpc.Core;

namespace Ttrpc.Tests.Support;

internal static class Streams
{
    public static async IAsyncEnumerable<T> ReadAllAsync<T>(this IAsyncStreamReader<T> reader)
    {
        while (await reader.MoveNext(CancellationToken.None))
            yield return reader.Current;
    }
}
