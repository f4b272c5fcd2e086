using System.Runtime.InteropServices;
using System.Text.Json;
using Shim;
using Shim.Oci;

namespace Fuzz;

/// <summary>A container's specification: read, edited and written. Nothing is lost but what is edited.</summary>
internal static class SpecificationTarget
{
    private const string Added = "dev.gvisor.internal.added";

    public static void Run(byte[] input)
    {
        try
        {
            Edit(input);
        }
        catch (RefusedException)
        {
        }
    }

    private static void Edit(byte[] input)
    {
        ContainerSpec spec = ContainerSpec.Parse(input, "config.json");
        spec.Terminal = true;
        var edits = new SpecEdits(spec.Annotations, spec.Mounts);
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
        foreach (JsonProperty property in one.RootElement.EnumerateObject())
            if (!property.NameEquals("annotations") && !property.NameEquals("mounts") && !ProcessSpec.IsIn(property))
                Target.Require(other.RootElement.EnumerateObject().Any(each => each.Name == property.Name
                    && JsonMarshal.GetRawUtf8Value(each.Value)
                        .SequenceEqual(JsonMarshal.GetRawUtf8Value(property.Value))), $"{property.Name} is kept");
    }
}
