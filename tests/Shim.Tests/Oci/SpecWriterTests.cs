using System.Text;
using System.Text.Json;
using CsCheck;
using Shim.Oci;

namespace Shim.Tests.Oci;

public sealed class SpecWriterTests
{
    // Values that parsing and writing would change: numbers, escapes, white space, order, duplicate names.
    private static readonly Gen<string> s_value = Gen.OneOf("null", "true", "1.0", "-0.0", "1e400",
        "18446744073709551616", "0.1234567890123456789", "9223372036854775807", "\"\"", "\"\\u00e9\\/é\\n<&+\"",
        "\"\\ud83d\\ude00😀\"", "[ ]", "{ }", "[1 , [2,\n3]]", "{ \"b\" : 1,\"a\":{\"\":null} , \"b\":2}");

    private static readonly Gen<string> s_annotation =
        Gen.OneOf("\"\"", "\"x\"", "\"\\u00e9\\/é\\n<&+\"", "\"\\ud83d\\ude00😀\"", "\"a\\u0000b\"");

    private static readonly Gen<string> s_name = Gen.OneOf("a", "b", "dev.gvisor.x", "é", "\\u00e9\\n", "+&<", "");

    private static readonly Gen<string> s_mount = Gen.Select(
        Gen.OneOf("", "\"type\":\"bind\",", "\"type\":null,", "\"uidMappings\":[{ \"hostID\":1e2 }],"),
        Gen.OneOf("\"/a\"", "\"/\\u00e9\""),
        Gen.OneOf("", ",\"options\":[]", ",\"options\":null", ",\"options\":[ \"ro\",\"é+\" ]"),
        Gen.OneOf("", ",\"source\":\"/s\"", ",\"x-unknown\": 1.00"),
        static (before, destination, options, after) =>
            $"{{ {before}\"destination\" : {destination}{options}{after}}}");

    private static readonly Gen<string> s_document = Gen.Select(
        Gen.Select(s_name, s_value, static (name, value) => ("x-" + name, value)).Array[0, 4],
        Gen.Select(s_name, s_annotation, static (name, value) => $"\"{name}\": {value}").Array[0, 4],
        s_mount.Array[0, 4], Gen.Int[0, 3], Gen.Int,
        static (others, annotations, mounts, without, seed) =>
        {
            List<(string, string)> fields = [.. others];
            if (without is not (1 or 3))
                fields.Add(
                    ("annotations", annotations.Length == 0 ? "null" : $"{{{string.Join(" , ", annotations)}}}"));
            if (without is not (2 or 3))
                fields.Add(("mounts", mounts.Length == 0 ? "null" : $"[{string.Join(" ,", mounts)} ]"));
            (string, string)[] shuffled = [.. fields];
            new Random(seed).Shuffle(shuffled);
            return $"{{ {string.Join(",\n", shuffled.Select(static field => $"\"{field.Item1}\" : {field.Item2}"))}}}";
        });

    [Fact]
    public void What_is_not_edited_stays_byte_for_byte()
    {
        using TempDirectory directory = new();
        Gen.Select(s_document, Gen.Int).Sample((json, seed) =>
        {
            ContainerSpec spec = Read(directory, json);
            SpecEdits edits = Edits(new Random(seed), spec.Annotations, spec.Mounts);
            byte[] written = SpecWriter.Write(Encoding.UTF8.GetBytes(json), edits).ToArray();
            using JsonDocument before = JsonDocument.Parse(json), after = JsonDocument.Parse(written);
            Assert.Equal(Others(before.RootElement, "annotations", "mounts"),
                Others(after.RootElement, "annotations", "mounts"));
            Assert.Equal(Unedited(before, edits), Unedited(after, edits));
            AssertMounts(before, after, edits);
            AssertReadsAsEdited(spec, Read(directory, Encoding.UTF8.GetString(written)), edits);
        }, iter: 5000, threads: 1);
    }

    [Theory]
    [InlineData("{}", """{"annotations":{"a":"1"}}""")]
    [InlineData("""{"annotations":null}""", """{"annotations":{"a":"1"}}""")]
    [InlineData("""{"annotations":{"a":"0","b":"\u0032"},"x":1.0}""",
        """{"annotations":{"a":"1","b":"\u0032"},"x":1.0}""")]
    [InlineData("""{"x":1.0,"annotations":{"b":"2"},"y":[]}""", """{"x":1.0,"annotations":{"b":"2","a":"1"},"y":[]}""")]
    public void A_set_annotation_is_written_in_its_place(string json, string expected)
    {
        using TempDirectory directory = new();
        ContainerSpec spec = Read(directory, json);
        var edits = new SpecEdits(spec.Annotations, spec.Mounts);
        edits.Set("a", "1");
        Assert.Equal(expected, Encoding.UTF8.GetString(SpecWriter.Write(Encoding.UTF8.GetBytes(json), edits).Span));
    }

    [Fact]
    public void Edited_mounts_are_written_in_their_places()
    {
        const string Json =
            """
            {"mounts":[{"destination":"/a","x":1.0,"options":["rbind"],"type":"bind"},
             {"destination":"/b"},{ "destination":"/c"}]}
            """;
        using TempDirectory directory = new();
        ContainerSpec spec = Read(directory, Json);
        var edits = new SpecEdits(spec.Annotations, spec.Mounts);
        edits.Replace(0, spec.Mounts[0].AsTmpfs() with { Source = "/s" });
        edits.Remove(1);
        Assert.Equal(
            """{"mounts":[{"destination":"/a","x":1.0,"type":"tmpfs","source":"/s","options":[]},"""
            + """{ "destination":"/c"}]}""",
            Encoding.UTF8.GetString(SpecWriter.Write(Encoding.UTF8.GetBytes(Json), edits).Span));
    }

    /// <summary>Go, and so runsc, would replace it; nobody writes it but to look for trouble.</summary>
    [Fact]
    public void A_name_that_is_not_Unicode_is_refused()
    {
        byte[] json = """{"mounts":[{"destination":"/x","?ource":1}]}"""u8.ToArray();
        json[Array.IndexOf(json, (byte)'?')] = 0xff;
        ContainerSpec spec = ContainerSpec.Parse(json, "config.json");
        var edits = new SpecEdits(spec.Annotations, spec.Mounts);
        edits.Replace(0, spec.Mounts[0].AsTmpfs());
        RefusedException e = Assert.Throws<RefusedException>(() => spec.Edited("config.json", edits));
        Assert.StartsWith("config.json is not an OCI specification: ", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"process":{"terminal":true,"cwd":"/"},"x":1.0}""", false, """{"process":{"cwd":"/"},"x":1.0}""")]
    [InlineData("""{"process":{"cwd":"\u002f"}}""", true, """{"process":{"cwd":"\u002f","terminal":true}}""")]
    [InlineData("""{"process":{"terminal":true}}""", true, """{"process":{"terminal":true}}""")]
    [InlineData("""{"process":{"cwd":"/" }}""", false, """{"process":{"cwd":"/" }}""")]
    [InlineData("{}", true, "{}")]
    public void The_terminal_flag_is_as_the_request_says(string json, bool terminal, string expected)
    {
        using TempDirectory directory = new();
        ContainerSpec spec = Read(directory, json);
        spec.Terminal = terminal;
        string path = directory.Write("written.json", json);
        spec.Write(path, new SpecEdits(spec.Annotations, spec.Mounts));
        Assert.Equal(expected, File.ReadAllText(path));
    }

    [Theory]
    // As the CRI writes it for a container with a Bidirectional mount.
    [InlineData("""{"linux":{"rootfsPropagation":"rshared","x":1.0}}""",
        """{"linux":{"x":1.0,"rootfsPropagation":"rslave"}}""")]
    [InlineData("""{"linux":{"rootfsPropagation":"rslave" }}""", """{"linux":{"rootfsPropagation":"rslave" }}""")]
    [InlineData("""{"mounts":[{"destination":"data","source":"/s"},{ "destination":"/b"}]}""",
        """{"mounts":[{"destination":"/data","type":"","source":"/s","options":[]},{ "destination":"/b"}]}""")]
    [InlineData("""{"mounts":[{"destination":""}]}""", """{"mounts":[{"destination":""}]}""")]
    public void What_runsc_refuses_and_other_runtimes_take_is_changed(string json, string expected)
    {
        using TempDirectory directory = new();
        string path = directory.Write("written.json", json);
        ContainerSpec spec = ContainerSpec.Read(path);
        SpecEdits edits = spec.BeginEdits();
        EditForRunsc.Apply(spec, edits);
        spec.Write(path, edits);
        Assert.Equal(expected, File.ReadAllText(path));
    }

    [Fact]
    public void An_edit_that_is_reverted_is_not_recorded()
    {
        var annotations = new Dictionary<string, string> { ["a"] = "1" };
        SpecMount[] mounts = [new("/a", "bind", "/s", ["rbind"])];
        var edits = new SpecEdits(annotations, mounts);
        edits.Set("a", "2");
        edits.Set("a", "1");
        edits.Set("b", "2");
        edits.Remove("b");
        edits.Remove("c");
        edits.Remove(0);
        edits.Replace(0, mounts[0].AsTmpfs());
        edits.Replace(0, new SpecMount("/a", "bind", "/s", ["rbind"]));
        Assert.True(edits.IsEmpty);
    }

    private static SpecEdits Edits(
        Random random, IReadOnlyDictionary<string, string> annotations, IReadOnlyList<SpecMount> mounts)
    {
        var edits = new SpecEdits(annotations, mounts);
        foreach (string name in (string[])["a", "é", "", "é\n", "new"])
            switch (random.Next(5))
            {
                case 0: edits.Set(name, "é\"+\n"); break;
                case 1: edits.Remove(name); break;
            }
        for (int i = 0; i < mounts.Count; i++)
            switch (random.Next(5))
            {
                case 0: edits.Replace(i, mounts[i].AsTmpfs() with { Source = "/é+\"" }); break;
                case 1: edits.Remove(i); break;
            }
        return edits;
    }

    private static void AssertMounts(JsonDocument before, JsonDocument after, SpecEdits edits)
    {
        JsonElement[] old = Mounts(before), written = Mounts(after);
        int[] kept = [.. Enumerable.Range(0, old.Length)
            .Where(i => !edits.Mounts.TryGetValue(i, out SpecMount? edited) || edited is not null)];
        Assert.Equal(kept.Select(i => TextOf(old[i], i)), written.Select((mount, place) => TextOf(mount, kept[place])));

        string TextOf(JsonElement mount, int index) => edits.Mounts.ContainsKey(index)
            ? string.Join('\n', Others(mount, "type", "source", "options")) : mount.GetRawText();
    }

    private static void AssertReadsAsEdited(ContainerSpec before, ContainerSpec after, SpecEdits edits)
    {
        var expected = new Dictionary<string, string>(before.Annotations);
        foreach ((string name, string? value) in edits.Annotations)
            if (value is null)
                expected.Remove(name);
            else
                expected[name] = value;
        Assert.Equal(expected.OrderBy(static pair => pair.Key, StringComparer.Ordinal),
            after.Annotations.OrderBy(static pair => pair.Key, StringComparer.Ordinal));
        SpecMount?[] mounts = [.. before.Mounts.Select((mount, i) => edits.Mounts.GetValueOrDefault(i, mount))];
        Assert.Equal(mounts.Where(static mount => mount is not null), after.Mounts,
            static (one, other) => one!.SameAs(other!));
    }

    private static (string, string)[] Others(JsonElement element, params ReadOnlySpan<string> except)
    {
        HashSet<string> left = [.. except];
        return [.. element.EnumerateObject().Where(field => !left.Contains(field.Name))
            .Select(static field => (field.Name, field.Value.GetRawText()))];
    }

    private static (string, string)[] Unedited(JsonDocument document, SpecEdits edits) =>
        document.RootElement.TryGetProperty("annotations", out JsonElement annotations)
        && annotations.ValueKind == JsonValueKind.Object
            ? [.. Others(annotations).Where(annotation => !edits.Annotations.ContainsKey(annotation.Item1))] : [];

    private static JsonElement[] Mounts(JsonDocument document) =>
        document.RootElement.TryGetProperty("mounts", out JsonElement mounts) && mounts.ValueKind == JsonValueKind.Array
            ? [.. mounts.EnumerateArray()] : [];

    private static ContainerSpec Read(TempDirectory directory, string json)
    {
        directory.Write("config.json", json);
        return ContainerSpec.Read(directory["config.json"]);
    }
}
