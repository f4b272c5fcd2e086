using System.Globalization;

namespace Shim.Volumes;

/// <summary>The rules by which an emptyDir becomes what it is; the first that fits counts. Pure.</summary>
/// <remarks>
/// runsc makes of a hint <c>type=tmpfs</c> and a bind mount a tmpfs for all containers whose pages are a file in the
/// bind mount's source: on disk, shared, and in checkpoints. With a tmpfs mount the pages are the sandbox's memory. So
/// whatever is in the sandbox has the hint <c>type=tmpfs</c>, and the mounts' type says where the pages are.
/// </remarks>
internal static class VolumeRules
{
    /// <summary>Decides about an emptyDir.</summary>
    /// <param name="volume">The volume as it is on the node.</param>
    /// <param name="request">What the pod's annotations ask for it; null for nothing.</param>
    /// <param name="configured">Whether the node's configuration says <c>empty_dir = "pod"</c>.</param>
    /// <exception cref="VolumeException">The pod names a medium, but the directory is somebody else's too.</exception>
    public static VolumeDecision Decide(PodVolume volume, VolumeRequest? request, bool configured)
    {
        if (!VolumeAnnotations.CanName(volume.Name))
            return Passthrough(volume, VolumeRule.NotAsked, "no hint can have its name");
        if (request is { ForceShared: true })
            return Passthrough(volume, VolumeRule.ForceShared, "the pod's annotation force-shared says so");
        if (request is { Share: "shared" })
            return Passthrough(volume, VolumeRule.ForceShared, "the pod's hint says share=shared");
        if (request is not { WantsSandbox: true } && !configured)
            return Passthrough(volume, VolumeRule.NotAsked, request is { HintAnnotations.Count: > 0 }
                ? "the pod's hint has neither share nor type" : "no annotation and no configuration asks for more");
        if (volume.Directory is not { OtherUse: null } directory)
        {
            string why = volume.Directory?.OtherUse ?? "its directory is gone";
            if (request is not { Medium: not null })
                return Passthrough(volume, VolumeRule.UsedByOthers, why);
            if (volume.Directory is not null)
                why = $"somebody else uses {volume.Path}: {why}";
            throw new VolumeException(
                $"volume {volume.Name}: annotation {VolumeAnnotations.EmptyDir(volume.Name, "medium")} cannot be "
                + $"followed, since {why}. Leave the annotation out, or say "
                + $"{VolumeAnnotations.EmptyDir(volume.Name, "force-shared")}=true to share the node's directory");
        }
        if (request is { Share: "container" })
            return InSandbox(volume, directory, request, VolumeShare.Container,
                request.Medium ?? MediumOfType(request.Type) ?? directory.Medium,
                VolumeRule.SharedByContainer, "the pod's hint says share=container");
        return InSandbox(volume, directory, request, VolumeShare.Pod, request?.Medium ?? directory.Medium,
            request is { WantsSandbox: true } ? VolumeRule.SharedByPod : VolumeRule.Configured,
            request switch
            {
                { Share: not null } => "the pod's hint says share=pod",
                { Type: not null } => "the pod's hint has a type and no share",
                { Medium: not null } => "who names a medium asks for it",
                _ => "the node's configuration says empty_dir = \"pod\"",
            });
    }

    private static VolumeMedium? MediumOfType(string? type) => type switch
    {
        "tmpfs" => VolumeMedium.Memory,
        "bind" => VolumeMedium.Disk,
        _ => null,
    };

    private static VolumeDecision Passthrough(PodVolume volume, VolumeRule rule, string why) =>
        new() { Volume = volume.Name, Path = volume.Path, Rule = rule, Why = why };

    private static VolumeDecision InSandbox(PodVolume volume, EmptyDirectory directory, VolumeRequest? request,
        VolumeShare share, VolumeMedium medium, VolumeRule rule, string why) => new()
        {
            Volume = volume.Name,
            Path = volume.Path,
            Share = share,
            Medium = medium,
            Options = OptionsOf(directory, request?.Options),
            Rule = rule,
            Why = $"{why}; {MediumSource(request, share, medium)}",
        };

    private static string MediumSource(VolumeRequest? request, VolumeShare share, VolumeMedium medium)
    {
        string name = medium == VolumeMedium.Disk ? "disk" : "memory";
        if (request is { Medium: not null })
            return $"the pod's annotations say medium={name}";
        return share == VolumeShare.Container && request is { Type: { } type }
            ? $"type={type} there means {name}"
            : $"the node has its directory {(medium == VolumeMedium.Disk ? "on" : "in")} {name}";
    }

    /// <summary>
    /// The user's options, <c>rw</c> where they say neither that nor <c>ro</c>, and the directory's own mode and owner
    /// where they name none: an fsGroup or setgid directory looks the same inside.
    /// </summary>
    private static string OptionsOf(EmptyDirectory directory, string? requested)
    {
        List<string> options = [];
        bool access = false, mode = false, uid = false, gid = false;
        foreach (string option in (requested ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            options.Add(option);
            access |= option is "ro" or "rw";
            mode |= option.StartsWith("mode=", StringComparison.Ordinal);
            uid |= option.StartsWith("uid=", StringComparison.Ordinal);
            gid |= option.StartsWith("gid=", StringComparison.Ordinal);
        }
        if (!access)
            options.Add("rw");
        if (!mode)
            options.Add($"mode={Convert.ToString(directory.Mode, 8)}");
        if (!uid)
            options.Add(string.Create(CultureInfo.InvariantCulture, $"uid={directory.Uid}"));
        if (!gid)
            options.Add(string.Create(CultureInfo.InvariantCulture, $"gid={directory.Gid}"));
        return string.Join(',', options);
    }
}
