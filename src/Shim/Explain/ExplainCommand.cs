using System.Text;
using System.Text.Json;
using Linux;
using Shim.Bundles;
using Shim.Commands;
using Shim.Configuration;
using Shim.Volumes;

namespace Shim.Explain;

/// <summary>
/// <c>explain</c>: prints what the shim decides about a pod's volumes, and why. For people; changes nothing.
/// </summary>
internal static class ExplainCommand
{
    /// <summary>The command's name. It must be the first argument; its own flags follow.</summary>
    public const string Word = "explain";

    private const int InputLimit = 16 << 20;
    private const string StandardInput = "-";
    private static readonly TimeSpan s_inputBound = TimeSpan.FromMinutes(1);

    private const string Usage =
        """
        containerd-shim-runsc-v1 explain: prints what happens to a pod's volumes, and why. It changes nothing.

          explain --bundle DIR                      the container whose bundle is DIR, with its mounts
          explain --annotations FILE                a Pod, as kubectl get pod NAME -o json prints it
          explain --annotations FILE --pod-uid UID  the pod UID, with annotations from a JSON object

        Flags: --config FILE  the shim's configuration, if it is not in one of the default places
               --json         print one JSON object, for programs
               FILE may be -, which is standard input

        If the pod has a sandbox, its bundle says what was decided when the sandbox was created. Everything else says
        what would be decided if the sandbox were created now. containerd passes on only those annotations of a Pod that
        pod_annotations in its configuration names. OUTCOME is one of

          passthrough                         the node's own directory; its files are not in checkpoints
          pod-disk, pod-memory                a file system in the sandbox that the pod's containers share; its files
                                              are in checkpoints, its pages on the node's disk or in memory
          container-disk, container-memory    the same, by a hint that says share=container

        The exit code is 1 if the sandbox or the container could not be created, or if nothing could be found out.
        """;

    public static int Run(ReadOnlySpan<string> arguments)
    {
        ExplainArguments parsed = ExplainArguments.Parse(arguments);
        if (parsed.Help)
        {
            StandardStreams.WriteLine(Usage);
            return 0;
        }
        try
        {
            ExplainReport report = Explain(parsed, ReadConfiguration(parsed));
            StandardIo.Write(
                parsed.Json ? ExplainJson.Of(report).Span : Encoding.UTF8.GetBytes(ExplainTable.Of(report)));
            return report.Failure is null ? 0 : 1;
        }
        catch (Exception e) when (e is RefusedException or ConfigurationException
            or IOException or UnauthorizedAccessException)
        {
            StandardStreams.WriteErrorLine($"containerd-shim-runsc-v1: {Word}: {ExplainText.Escape(e.Message)}");
            return 1;
        }
    }

    private static ShimConfiguration ReadConfiguration(ExplainArguments arguments)
    {
        List<string> warnings = [];
        ShimConfiguration configuration = arguments.Config.Length > 0
            ? ConfigurationFile.Read(arguments.Config, warnings) : ConfigurationFile.ReadDefault(warnings);
        foreach (string warning in warnings)
            StandardStreams.WriteErrorLine($"Warning: {ExplainText.Escape(warning)}");
        return configuration;
    }

    private static ExplainReport Explain(ExplainArguments arguments, ShimConfiguration configuration)
    {
        if (arguments.Bundle.Length > 0)
            return ExplainReport.OfBundle(new Bundle(Path.GetFullPath(arguments.Bundle)), configuration);
        ExplainPod pod = ReadPod(arguments.Annotations);
        string uid = arguments.PodUid.Length > 0 ? arguments.PodUid : pod.Uid ?? throw new UsageException(
            $"explain: flag --pod-uid is required: {arguments.Annotations} is not a Pod with a uid");
        return PodUid.IsUid(uid) ? ExplainReport.OfPod(pod.Annotations, uid, configuration) : throw new UsageException(
            $"explain: flag --annotations: {arguments.Annotations}: invalid uid {ExplainText.Escape(uid)} of the Pod");
    }

    private static ExplainPod ReadPod(string file)
    {
        try
        {
            return ExplainPod.Parse(
                file == StandardInput ? StandardIo.ReadInput(InputLimit, s_inputBound) : File.ReadAllBytes(file));
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            string name = file == StandardInput ? "standard input" : file;
            throw new UsageException($"explain: flag --annotations: {name}: {ExplainText.Escape(e.Message)}");
        }
    }
}
