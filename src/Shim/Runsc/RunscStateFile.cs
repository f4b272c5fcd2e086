using System.Diagnostics;
using System.Text.Json;
using Linux;

namespace Shim.Runsc;

/// <summary>runsc's own record of a container: the file <c>ID_sandbox:SANDBOX.state</c> in its root.</summary>
internal static class RunscStateFile
{
    private const string Mark = "_sandbox:";
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(5);

    /// <summary>
    /// The path of the record of exactly this container; null if runsc has none. Checked before a command that must not
    /// reach another container, since runsc matches ids by prefix.
    /// </summary>
    public static string? Find(string root, string id)
    {
        if (!Directory.Exists(root))
            return null;
        string start = $"{id}_sandbox:";
        foreach (string path in Directory.EnumerateFiles(root, $"{id}_sandbox*.state"))
            if (Path.GetFileName(path.AsSpan()).StartsWith(start, StringComparison.Ordinal))
                return path;
        return null;
    }

    /// <summary>
    /// The path of the record of exactly this container, if it was made from this bundle; null if there is none.
    /// Checked before the container is removed: two containerds may have one root, one namespace and one id.
    /// </summary>
    /// <param name="root">runsc's root, the namespace included.</param>
    /// <param name="id">The container's id for runsc.</param>
    /// <param name="bundle">The bundle's directory.</param>
    public static string? FindOwn(string root, string id, string bundle) =>
        Find(root, id) is { } record && IsOf(record, bundle) ? record : null;

    /// <summary>
    /// The path of the record of exactly this container if it is torn; null if there is none, or a whole one. runsc
    /// does not write it at once, and so leaves such a record if it is killed meanwhile. It does not say whose it is:
    /// look for it only after killing a create of this container.
    /// </summary>
    /// <param name="root">runsc's root, the namespace included.</param>
    /// <param name="id">The container's id for runsc.</param>
    public static string? FindTorn(string root, string id)
    {
        if (Find(root, id) is not { } record)
            return null;
        try
        {
            JsonDocument.Parse(File.ReadAllBytes(record)).Dispose();
            return null;
        }
        catch (JsonException)
        {
            return record;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Whether a record says that its container was made from this bundle.</summary>
    private static bool IsOf(string record, string bundle)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(record));
            return document.RootElement.TryGetProperty("bundleDir"u8, out JsonElement directory)
                && directory.ValueKind == JsonValueKind.String && IsSame(directory.GetString()!, bundle);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException
            or InvalidOperationException)
        {
            return false; // incomplete, or just removed
        }
    }

    private static bool IsSame(string directory, string bundle) =>
        directory.TrimEnd('/') == bundle.TrimEnd('/') || FileIdentity.AreSame(directory, bundle);

    /// <summary>The ids of all containers that runsc has, in all namespaces.</summary>
    /// <param name="root">runsc's root in one namespace; those of the others are beside it.</param>
    public static HashSet<string> IdsInAllNamespaces(string root)
    {
        var ids = new HashSet<string>(StringComparer.Ordinal);
        string all = Path.GetDirectoryName(root)!;
        if (!Directory.Exists(all))
            return ids;
        foreach (string each in Directory.EnumerateDirectories(all))
            foreach (string path in Directory.EnumerateFiles(each, $"*{Mark}*.state"))
            {
                string name = Path.GetFileName(path);
                ids.Add(name[..name.IndexOf(Mark, StringComparison.Ordinal)]);
            }
        return ids;
    }

    /// <summary>
    /// The ids of the containers through which the sandbox of <paramref name="id"/> was paused. runsc does not delete
    /// from the sandbox before they are resumed.
    /// </summary>
    public static IReadOnlyList<string> PausedBeside(string root, string id)
    {
        List<string> paused = [];
        if (Find(root, id) is not { } own)
            return paused;
        string end = own[own.LastIndexOf(Mark, StringComparison.Ordinal)..];
        foreach (string path in Directory.EnumerateFiles(root, "*.state"))
            if (path.EndsWith(end, StringComparison.Ordinal) && IsPaused(path))
                paused.Add(Path.GetFileName(path)[..^end.Length]);
        return paused;
    }

    /// <summary>Removes a record that runsc did not remove, with its lock.</summary>
    /// <param name="record">The record's path.</param>
    /// <param name="sandbox">runsc's id of the sandbox, if that ended with the container; else null.</param>
    /// <exception cref="IOException">A file cannot be removed.</exception>
    public static void Remove(string record, string? sandbox)
    {
        File.Delete(record);
        File.Delete(Path.ChangeExtension(record, ".lock"));
        if (sandbox is not null)
            File.Delete(SocketOf(Path.GetDirectoryName(record)!, sandbox));
    }

    private static string SocketOf(string root, string sandbox) => Path.Join(root, $"runsc-{sandbox}.sock");

    private static bool IsPaused(string path)
    {
        try
        {
            using JsonDocument record = JsonDocument.Parse(File.ReadAllBytes(path));
            return record.RootElement.TryGetProperty("status"u8, out JsonElement status)
                && status.ValueKind == JsonValueKind.String && status.ValueEquals("paused"u8);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException
            or InvalidOperationException)
        {
            return false; // incomplete, or just removed
        }
    }

    /// <summary>
    /// Removes what remains of a container that runsc has no record of: its locks, and if it was a sandbox, those of
    /// the sandbox's other containers and the control socket, unless somebody listens on it. Does nothing while runsc
    /// has a record of the container.
    /// </summary>
    /// <remarks>
    /// Locks remain because a runsc that looks through a sandbox's containers while one is being deleted creates the
    /// lock again and never removes it; a socket, because runsc makes it before the record.
    /// </remarks>
    /// <param name="root">runsc's root, the namespace included.</param>
    /// <param name="id">The container's id for runsc.</param>
    /// <param name="patience">How long to wait, blocking, for a sandbox that was killed and still listens.</param>
    /// <exception cref="IOException">One cannot be removed.</exception>
    public static void RemoveRemains(string root, string id, TimeSpan patience = default)
    {
        if (!Directory.Exists(root) || Find(root, id) is not null)
            return;
        string socket = SocketOf(root, id);
        long begun = Stopwatch.GetTimestamp();
        while (File.Exists(socket) && UnixSocket.IsListening(socket) && Stopwatch.GetElapsedTime(begun) < patience)
            Thread.Sleep(s_look);
        if (File.Exists(socket) && !UnixSocket.IsListening(socket))
            File.Delete(socket);
        string start = $"{id}_sandbox:", end = $"_sandbox:{id}.lock";
        foreach (string path in Directory.EnumerateFiles(root, "*.lock"))
        {
            ReadOnlySpan<char> name = Path.GetFileName(path.AsSpan());
            if ((name.StartsWith(start, StringComparison.Ordinal) || name.EndsWith(end, StringComparison.Ordinal))
                && !File.Exists(Path.ChangeExtension(path, ".state")))
                File.Delete(path);
        }
    }
}
