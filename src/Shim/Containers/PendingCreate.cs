using Linux;
using Shim.Bundles;

namespace Shim.Containers;

/// <summary>A create that is under way, and whether anybody still wants its container.</summary>
/// <remarks>
/// A client that gives up closes its call or lets its deadline pass; containerd then asks for a shutdown and removes
/// the bundle, and asks no second time. Each of these ends the create.
/// </remarks>
/// <param name="id">The container.</param>
/// <param name="bundle">Its bundle.</param>
internal sealed class PendingCreate(string id, Bundle bundle)
{
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);

    private readonly TaskCompletionSource _givenUp = LoopTask.NewSource();
    private readonly TaskCompletionSource _over = LoopTask.NewSource();
    private string _why = "";

    /// <summary>The container's id.</summary>
    public string Id { get; } = id;

    /// <summary>Completes when nobody wants the container any more.</summary>
    public Task GivenUp => _givenUp.Task;

    /// <summary>Watches whether the caller and the bundle are there.</summary>
    /// <param name="time">The loop's clock.</param>
    /// <param name="caller">Cancelled when the caller is gone.</param>
    public void Watch(TimeProvider time, CancellationToken caller) => LoopTask.Watch(async () =>
    {
        using CancellationTokenRegistration gone = caller.UnsafeRegister(
            static create => ((PendingCreate)create!).GiveUp("its caller is gone"), this);
        while (!await LoopTask.AnyWithinAsync(s_look, time, _over.Task, GivenUp))
            GiveUpWithoutBundle();
    });

    /// <summary>Nobody wants the container any more.</summary>
    /// <param name="why">Why, for messages.</param>
    public void GiveUp(string why)
    {
        if (_why.Length > 0)
            return;
        _why = why;
        _givenUp.SetResult();
    }

    /// <summary>The create has succeeded or failed.</summary>
    public void Over() => _over.TrySetResult();

    /// <summary>Waits for something, as long as somebody wants the container.</summary>
    /// <exception cref="RefusedException">It was given up.</exception>
    public async Task WhileWantedAsync(Task something)
    {
        await Task.WhenAny(something, GivenUp);
        RequireWanted();
    }

    /// <summary>Refuses to go on with what nobody wants.</summary>
    /// <exception cref="RefusedException">It was given up.</exception>
    public void RequireWanted()
    {
        GiveUpWithoutBundle();
        if (_why.Length > 0)
            throw new RefusedException(Refusal.GivenUp, $"create of container {Id} was given up: {_why}");
    }

    private void GiveUpWithoutBundle()
    {
        if (!bundle.Exists)
            GiveUp("its bundle was removed");
    }
}
