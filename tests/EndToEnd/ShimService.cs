using Containerd.Api.Gvisor;
using Testing;
using Ttrpc;
using GvisorApi = Containerd.Api.Gvisor.TaskService;

namespace EndToEnd;

/// <summary>gVisor's task service of the shim of a pod, on the socket where containerd calls it.</summary>
internal static class ShimService
{
    /// <summary>Writes an image of a pod's sandbox, which keeps running.</summary>
    public static async Task CheckpointAsync(Pod pod, string image)
    {
        string address = await File.ReadAllTextAsync(Path.Combine(pod.Bundle, "address"));
        await using TtrpcChannel channel = await TtrpcChannel.ConnectAsync(
            address.Replace("unix://", "", StringComparison.Ordinal));
        await new GvisorApi.TaskServiceClient(channel).CheckpointAsync(
            new CheckpointRequest { Id = pod.Id, ImagePath = image, LeaveRunning = true });
    }
}
