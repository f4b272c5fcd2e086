namespace Benchmarks;

/// <summary>A pod of a sandbox and two containers that share an emptyDir, on disk and in the sandbox.</summary>
internal interface IPod : IAsyncDisposable
{
    PodBundles Bundles { get; }

    /// <summary>From nothing until its containers run.</summary>
    Task BringUpAsync();

    /// <summary>Until its containers and its sandbox are deleted.</summary>
    Task TakeDownAsync();
}
