using System.Buffers;
using System.Text.Json;
using Linux;
using Shim.Configuration;
using Shim.Runsc;

namespace Shim.Bundles;

/// <summary>
/// What a <c>delete</c> needs to undo a Create, also after another shim's. It is written to the bundle
/// (<c>state.json</c>) before anything else is done.
/// </summary>
internal sealed record BundleState
{
    /// <summary>The container's id in runsc.</summary>
    public required string RunscId { get; init; }

    /// <summary>The runsc binary.</summary>
    public required string Binary { get; init; }

    /// <summary>runsc's root directory, with the namespace.</summary>
    public required string RunscRoot { get; init; }

    /// <summary>runsc's flags, by name.</summary>
    public required IReadOnlyDictionary<string, string> Flags { get; init; }

    /// <summary>
    /// The cgroup that runsc makes for the container, as the specification names it; null if it names none, or one that
    /// was there before, which somebody else removes.
    /// </summary>
    public string? OwnCgroup { get; init; }

    /// <summary>
    /// The sandbox's process; null while the container is being created, and if the process ended at once.
    /// </summary>
    public ProcessIdentity? Sandbox { get; init; }

    /// <summary>The record for a container that is about to be created.</summary>
    public static BundleState For(string containerId, string @namespace, ShimConfiguration configuration) => new()
    {
        RunscId = Runsc.RunscId.For(containerId),
        Binary = configuration.BinaryName,
        RunscRoot = Path.Combine(configuration.Root, @namespace),
        Flags = configuration.FlagsOf(containerId),
    };

    /// <summary>Reads the record; null if it is missing or not valid.</summary>
    public static BundleState? Load(Bundle bundle)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(bundle.State));
            JsonElement root = document.RootElement;
            var flags = new SortedDictionary<string, string>(StringComparer.Ordinal);
            foreach (JsonProperty flag in root.GetProperty("runsc_config"u8).EnumerateObject())
                flags[flag.Name] = Text(flag.Value);
            return new BundleState
            {
                RunscId = Text(root.GetProperty("runsc_id"u8)),
                Binary = Text(root.GetProperty("binary_name"u8)),
                RunscRoot = Text(root.GetProperty("runsc_root"u8)),
                Flags = flags,
                OwnCgroup = root.TryGetProperty("own_cgroup"u8, out JsonElement cgroup) ? Text(cgroup) : null,
                Sandbox = root.TryGetProperty("sandbox"u8, out JsonElement sandbox)
                    ? new ProcessIdentity(sandbox.GetProperty("pid"u8).GetInt32(),
                        sandbox.GetProperty("start_time"u8).GetUInt64())
                    : null,
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException
            or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static string Text(JsonElement element) =>
        element.GetString() ?? throw new JsonException("a value is null");

    /// <summary>Writes the record to a file with mode 0600, atomically.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(Bundle bundle)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("runsc_id"u8, RunscId);
            json.WriteString("binary_name"u8, Binary);
            json.WriteString("runsc_root"u8, RunscRoot);
            json.WriteStartObject("runsc_config"u8);
            foreach ((string flag, string value) in Flags)
                json.WriteString(flag, value);
            json.WriteEndObject();
            if (OwnCgroup is { } cgroup)
                json.WriteString("own_cgroup"u8, cgroup);
            if (Sandbox is { } sandbox)
            {
                json.WriteStartObject("sandbox"u8);
                json.WriteNumber("pid"u8, sandbox.Pid);
                json.WriteNumber("start_time"u8, sandbox.StartTime);
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        AtomicFile.Replace(bundle.State, buffer.WrittenSpan);
    }

    /// <summary>The settings with which runsc is run for this container.</summary>
    public RunscSettings ToSettings(string? panicLog = null) =>
        new() { Binary = Binary, Root = RunscRoot, Flags = Flags, PanicLog = panicLog };
}
