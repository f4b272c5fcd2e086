using System.Runtime.InteropServices;
using System.Text.Json;
using Shim;
using Shim.Oci;

namespace Fuzz;

/// <summary>
/// A container's specification: read, edited and written; nothing is lost but what is edited. The same input as an
/// exec's process, and as the limits of an update.
/// </summary>
internal static class SpecificationTarget
{
    private const string Added = "dev.gvisor.internal.added";

    public static void Run(byte[] input)
    {
        Accept(() => Edit(input));
        Accept(() => ResourcesJson.Parse(input));
        Accept(() => EditProcess(input));
    }

    private static void Accept(Action read)
    {
        try
        {
            read();
        }
        catch (RefusedException)
        {
        }
    }

    private static void EditProcess(byte[] input)
    {
        ReadOnlyMemory<byte> with = ProcessSpec.WithTerminal(input, true);
        using JsonDocument before = JsonDocument.Parse(input), after = JsonDocument.Parse(with);
        Target.Require(after.RootElement.GetProperty("terminal"u8).GetBoolean(), "a process has its terminal");
        RequireSame(before.RootElement, after.RootElement, static name =>
            name.Equals("terminal", StringComparison.OrdinalIgnoreCase));
        Target.Require(ProcessSpec.WithTerminal(with, false).Span.SequenceEqual(
            ProcessSpec.WithTerminal(input, false).Span), "a terminal can be taken away again");
    }

    private static void Edit(byte[] input)
    {
        ContainerSpec spec = ContainerSpec.Parse(input, "config.json");
        _ = (spec.SandboxId, spec.Name, spec.Namespace, spec.IsSandbox, spec.HasOwnPidNamespace);
        spec.Terminal = true;
        SpecEdits edits = spec.BeginEdits();
        EditForRunsc.Apply(spec, edits);
        edits.Set(Added, "x");
        foreach (string annotation in spec.Annotations.Keys)
            if (annotation.EndsWith('-'))
                edits.Remove(annotation);
        for (int i = 0; i < spec.Mounts.Count; i++)
            if (spec.Mounts[i].Type == "bind")
                edits.Replace(i, spec.Mounts[i].AsTmpfs());
        byte[] written = spec.Edited("config.json", edits).ToArray();
        ContainerSpec after = ContainerSpec.Parse(written, "written");
        Target.Require(after.Annotations[Added] == "x", "an annotation that is set is there");
        foreach ((string name, string value) in spec.Annotations)
            Target.Require(after.Annotations.GetValueOrDefault(name)
                == (edits.Annotations.TryGetValue(name, out string? edited) ? edited : value), $"{name} is kept");
        Target.Require(after.Mounts.Count == spec.Mounts.Count, "all mounts are kept");
        for (int i = 0; i < spec.Mounts.Count; i++)
            Target.Require(after.Mounts[i].Destination == spec.Mounts[i].Destination, "a mount keeps its place");
        RequireRest(input, written);
    }

    private static void RequireRest(byte[] before, byte[] after)
    {
        using JsonDocument one = JsonDocument.Parse(before), other = JsonDocument.Parse(after);
        RequireSame(one.RootElement, other.RootElement, static name => name is "annotations" or "mounts"
            || name.Equals("process", StringComparison.OrdinalIgnoreCase));
        if (one.RootElement.TryGetProperty("process"u8, out JsonElement process)
            && process.ValueKind == JsonValueKind.Object)
            RequireSame(process, other.RootElement.GetProperty("process"u8), static name =>
                name.Equals("terminal", StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Fails unless two objects have the same properties in the same order, byte for byte.</summary>
    private static void RequireSame(JsonElement one, JsonElement other, Func<string, bool> isEdited)
    {
        List<string> before = Rest(one, isEdited), after = Rest(other, isEdited);
        Target.Require(before.SequenceEqual(after), "what is not edited is kept");
    }

    private static List<string> Rest(JsonElement of, Func<string, bool> isEdited) =>
        [.. of.EnumerateObject().Where(property => !isEdited(property.Name)).Select(static property =>
            $"{property.Name}:{Convert.ToHexString(JsonMarshal.GetRawUtf8Value(property.Value))}")];
}
