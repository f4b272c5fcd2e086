using Grpc.Core;
using Shim.Service;
using TaskApi = Containerd.Api.Tasks.Task;

namespace Shim.Tests.Service;

public sealed class TaskServiceV3Tests
{
    [Fact]
    public void Every_method_is_bound_under_both_names()
    {
        Recorder recorder = new();
        TaskApi.BindService(new TaskServiceV3(recorder), new Unimplemented());
        string[] methods =
        [
            "Checkpoint", "CloseIO", "Connect", "Create", "Delete", "Exec", "Kill", "Pause", "Pids", "ResizePty",
            "Resume", "Shutdown", "Start", "State", "Stats", "Update", "Wait",
        ];
        Assert.Equal(
            methods.Select(name => $"/containerd.task.v2.Task/{name}")
                .Concat(methods.Select(name => $"/containerd.task.v3.Task/{name}")),
            recorder.Bound.Keys.Order(StringComparer.Ordinal));
        Assert.All(methods, method => Assert.Same(
            recorder.Bound[$"/containerd.task.v2.Task/{method}"],
            recorder.Bound[$"/containerd.task.v3.Task/{method}"]));
    }

    private sealed class Unimplemented : TaskApi.TaskBase;

    private sealed class Recorder : ServiceBinderBase
    {
        public Dictionary<string, Delegate> Bound { get; } = [];

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
            Bound.Add(method.FullName, handler!);
    }
}
