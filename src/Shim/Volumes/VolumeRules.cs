using System.Globalization;

namespace Shim.Volumes;

/// <summary>The rules that decide about an emptyDir; the first matching one applies. Pure.</summary>
/// <remarks>
/// From a hint <c>type=tmpfs</c> and a bind mount runsc makes one tmpfs for all containers, with its pages in a file in
/// the bind mount's source: on disk, shared, and in checkpoints. With a tmpfs mount the pages are in the sandbox's
/// memory. So all volumes in the sandbox have the hint <c>type=tmpfs</c>, and the type of their mounts is the medium.
/// </remarks>
internal static class VolumeRules
{
    /// <summary>The volume in which a gcsfuse sidecar and its driver on the node share a socket.</summary>
    public const string FuseVolume = "gke-gcsfuse-tmp";

    /// <summary>Decides about an emptyDir.</summary>
    /// <param name="volume">The volume as it is on the node.</param>
    /// <param name="request">What the pod's annotations request for it; null if nothing.</param>
    /// <param name="configured">Whether the node's configuration says <c>empty_dir = "pod"</c>.</param>
    /// <exception cref="VolumeException">
    /// The pod requests a medium, but something else uses the directory, or it is gone.
    /// </exception>
    public static VolumeDecision Decide(PodVolume volume, VolumeRequest? request, bool configured)
    {
        if (!VolumeAnnotations.CanName(volume.Name))
            return Passthrough(volume, VolumeRule.NotAsked, "no annotation can have its name");
        if (request is { ForceShared: true })
            return Passthrough(volume, VolumeRule.ForceShared, "the pod's annotation force-shared is true");
        if (request is { Share: "shared" })
            return Passthrough(volume, VolumeRule.ForceShared, "the pod's hint says share=shared");
        // Nobody asks for it, but whether the driver uses it decides about the node's sockets.
        if (request is not { WantsSandbox: true } && !configured
            && volume is { Name: FuseVolume, Directory.OtherUse: { } use })
            return Passthrough(volume, VolumeRule.UsedByOthers, use);
        if (request is not { WantsSandbox: true } && !configured)
            return Passthrough(volume, VolumeRule.NotAsked, request is { HintAnnotations.Count: > 0 }
                ? "the pod's hint has neither share nor type" : "no annotation and no configuration asks for more");
        if (volume.Directory is not { OtherUse: null } directory)
        {
            string why = volume.Directory?.OtherUse ?? "its directory is gone";
            if (request is not { Medium: not null })
                return Passthrough(volume, VolumeRule.UsedByOthers, why);
            if (volume.Directory is not null)
                why = $"something else uses {volume.Path}: {why}";
            throw new VolumeException(
                $"annotation {VolumeAnnotations.EmptyDir(volume.Name, "medium")} cannot be applied to volume "
                + $"{volume.Name}: {why}; remove the annotation, or set "
                + $"{VolumeAnnotations.EmptyDir(volume.Name, "force-shared")}=true to use the node's directory");
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
                { Type: not null } => "a type without a share means share=pod",
                { Medium: not null } => "a medium without a share means share=pod",
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
            Options = OptionsOf(directory, request?.Options, medium),
            Rule = rule,
            Why = $"{why}; {MediumSource(request, share, medium)}",
        };

    private static string MediumSource(VolumeRequest? request, VolumeShare share, VolumeMedium medium)
    {
        string name = medium == VolumeMedium.Disk ? "disk" : "memory";
        if (request is { Medium: not null })
            return $"the pod's annotations say medium={name}";
        return share == VolumeShare.Container && request is { Type: { } type }
            ? $"its type={type} means {name}"
            : $"its directory is {(medium == VolumeMedium.Disk ? "on" : "in")} {name}";
    }

    /// <summary>
    /// The requested options, with <c>rw</c> unless they have it or <c>ro</c>, and with the directory's mode, owner,
    /// group and limit unless they set them: an fsGroup or setgid directory looks the same inside.
    /// </summary>
    private static string OptionsOf(EmptyDirectory directory, string? requested, VolumeMedium medium)
    {
        List<string> options = [];
        bool access = false, mode = false, uid = false, gid = false, sized = false;
        foreach (string option in (requested ?? "").Split(
            ',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            options.Add(option);
            access |= option is "ro" or "rw";
            mode |= option.StartsWith("mode=", StringComparison.Ordinal);
            uid |= option.StartsWith("uid=", StringComparison.Ordinal);
            gid |= option.StartsWith("gid=", StringComparison.Ordinal);
            sized |= option.StartsWith("size=", StringComparison.Ordinal);
        }
        if (!access)
            options.Add("rw");
        if (!mode)
            options.Add($"mode={Convert.ToString(directory.Mode, 8)}");
        if (!uid)
            options.Add(string.Create(CultureInfo.InvariantCulture, $"uid={directory.Uid}"));
        if (!gid)
            options.Add(string.Create(CultureInfo.InvariantCulture, $"gid={directory.Gid}"));
        if (!sized && medium == VolumeMedium.Memory && directory.Size is { } size)
            options.Add(string.Create(CultureInfo.InvariantCulture, $"size={size}"));
        return string.Join(',', options);
    }
}
