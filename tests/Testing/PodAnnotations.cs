namespace Testing;

/// <summary>
/// The annotations that a pod's containers carry: containerd's CRI writes the first ones, users the others.
/// </summary>
public static class PodAnnotations
{
    public const string ContainerType = "io.kubernetes.cri.container-type";
    public const string SandboxId = "io.kubernetes.cri.sandbox-id";
    public const string SandboxUid = "io.kubernetes.cri.sandbox-uid";
    public const string ContainerName = "io.kubernetes.cri.container-name";
    public const string SandboxLogDirectory = "io.kubernetes.cri.sandbox-log-directory";

    /// <summary>The image on the node that the pod is restored from.</summary>
    public const string RestoreImage = "dev.gvisor.internal.restore.host-image-path";

    /// <summary>Those of a pod's sandbox.</summary>
    /// <param name="sandbox">The sandbox's id.</param>
    /// <param name="uid">The pod's uid; null: older versions of containerd do not write it.</param>
    public static Dictionary<string, string> OfSandbox(string sandbox, string? uid = null) =>
        Of("sandbox", sandbox, uid, name: null);

    /// <summary>Those of a container in a pod.</summary>
    /// <param name="sandbox">The sandbox's id.</param>
    /// <param name="name">The container's name in the pod.</param>
    /// <param name="uid">The pod's uid.</param>
    public static Dictionary<string, string> OfContainer(string sandbox, string? name = null, string? uid = null) =>
        Of("container", sandbox, uid, name);

    /// <summary>The user's hint for a volume: <c>dev.gvisor.spec.mount.VOLUME.FIELD</c>.</summary>
    public static string Hint(string volume, string field) => $"dev.gvisor.spec.mount.{volume}.{field}";

    /// <summary>As flags of `ctr run`.</summary>
    public static string[] ToFlags(this IReadOnlyDictionary<string, string> annotations) =>
        [.. annotations.SelectMany(static a => (string[])["--annotation", $"{a.Key}={a.Value}"])];

    /// <summary>As in a specification.</summary>
    public static System.Text.Json.Nodes.JsonObject ToJson(this IReadOnlyDictionary<string, string> annotations) =>
        new(annotations.Select(static a => KeyValuePair.Create(a.Key, (System.Text.Json.Nodes.JsonNode?)a.Value)));

    private static Dictionary<string, string> Of(string type, string sandbox, string? uid, string? name)
    {
        Dictionary<string, string> annotations = new() { [ContainerType] = type, [SandboxId] = sandbox };
        if (uid is not null)
            annotations[SandboxUid] = uid;
        if (name is not null)
            annotations[ContainerName] = name;
        return annotations;
    }
}
