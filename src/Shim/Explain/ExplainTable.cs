using System.Text;
using Shim.Oci;
using Shim.Volumes;

namespace Shim.Explain;

/// <summary>A report as text for people.</summary>
internal static class ExplainTable
{
    /// <summary>The text, with a newline at the end.</summary>
    public static string Of(ExplainReport report)
    {
        var output = new StringBuilder();
        if (report.Decisions.Volumes.Count > 0)
        {
            WriteLine(output, report.IsKept
                ? $"Pod {report.Decisions.PodUid}, as decided when its sandbox was created:"
                : $"Pod {report.Decisions.PodUid}, as it would be decided if its sandbox were created now:");
            WriteVolumes(output.Append('\n'), report.Decisions.Volumes);
        }
        if (report.Warnings.Count > 0)
            StartPart(output);
        foreach (string warning in report.Warnings)
            WriteLine(output, $"Warning: {warning}");
        WriteSandboxVolumes(output, report.Decisions.Volumes);
        WriteMounts(output, report.Mounts);
        if ((report.Failure ?? Nothing(report)) is { } last)
        {
            StartPart(output);
            WriteLine(output, last);
        }
        return output.ToString();
    }

    private static void WriteVolumes(StringBuilder output, IReadOnlyList<VolumeDecision> volumes)
    {
        List<string[]> rows = [["VOLUME", "OUTCOME", "RULE", "WHY"]];
        foreach (VolumeDecision volume in volumes)
            rows.Add([volume.Volume, volume.Outcome, volume.RuleName, volume.Why]);
        ExplainText.WriteColumns(output, rows);
    }

    private static void WriteSandboxVolumes(StringBuilder output, IReadOnlyList<VolumeDecision> volumes)
    {
        List<string[]> rows = [["IN SANDBOX", "PATH", "OPTIONS"]];
        foreach (VolumeDecision volume in volumes)
            if (!volume.IsPassthrough)
                rows.Add([volume.Volume, volume.Path, volume.Options]);
        if (rows.Count == 1)
            return;
        StartPart(output);
        ExplainText.WriteColumns(output, rows);
    }

    private static void WriteMounts(StringBuilder output, IReadOnlyList<ExplainMount> mounts)
    {
        if (mounts.Count == 0)
            return;
        List<string[]> rows = [["MOUNT", "TYPE", "SOURCE", "CHANGE"]];
        foreach (ExplainMount mount in mounts)
        {
            SpecMount shown = mount.After ?? mount.Before;
            rows.Add([shown.Destination, TypeOf(shown), shown.Source, ChangeOf(mount)]);
        }
        StartPart(output);
        ExplainText.WriteColumns(output, rows);
    }

    private static string ChangeOf(ExplainMount mount)
    {
        if (mount.After is not { } after)
            return "removed";
        if (mount.IsUnchanged)
            return "none";
        List<string> changes = [];
        if (TypeOf(mount.Before) != TypeOf(after))
            changes.Add($"was {TypeOf(mount.Before)}");
        if (mount.Before.Source != after.Source)
            changes.Add($"was from {mount.Before.Source}");
        return changes.Count > 0 ? string.Join(", ", changes) : "options";
    }

    private static string TypeOf(SpecMount mount) => mount.IsBind ? "bind" : mount.Type;

    /// <summary>Why there are no decisions; null if there are some.</summary>
    private static string? Nothing(ExplainReport report)
    {
        VolumeDecisions decisions = report.Decisions;
        if (decisions.Volumes.Count > 0)
            return null;
        if (report.IsKept)
            return "No decisions about volumes when the sandbox was created: they are the node's directories.";
        if (decisions.PodUid.Length == 0)
            return "No decisions about volumes: no annotation gives the uid of a pod.";
        string volumes = $"{decisions.Directory}/volumes";
        return Directory.Exists(volumes)
            ? $"No decisions about volumes: {volumes} holds no emptyDir."
            : $"No decisions about volumes: {volumes} does not exist on this node (kubelet_root in the shim's "
                + "configuration must be kubelet's directory).";
    }

    private static void StartPart(StringBuilder output)
    {
        if (output.Length > 0)
            output.Append('\n');
    }

    private static void WriteLine(StringBuilder output, string text) =>
        output.Append(ExplainText.Escape(text)).Append('\n');
}
