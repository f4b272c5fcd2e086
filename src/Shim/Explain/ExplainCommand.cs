using System.Text;
using System.Text.Json;
using Linux;
using Shim.Bundles;
using Shim.Commands;
using Shim.Configuration;
using Shim.Volumes;

namespace Shim.Explain;

/// <summary><c>explain</c>: what the shim decides about a pod's volumes, and why. For people; changes nothing.</summary>
internal static class ExplainCommand
{
    /// <summary>The action's word. It comes first: what follows are flags of this command's own.</summary>
    public const string Word = "explain";

    private const int InputLimit = 16 << 20;
    private const string StandardInput = "-";
    private static readonly TimeSpan s_inputBound = TimeSpan.FromMinutes(1);

    private const string Usage =
        """
        containerd-shim-runsc-v1 explain: prints what becomes of a pod's volumes, and why. It changes nothing.

          explain --bundle DIR                      of the container whose bundle is DIR, with its mounts
          explain --annotations FILE                of a Pod, as kubectl get pod NAME -o json prints it
          explain --annotations FILE --pod-uid UID  of the pod UID, with annotations from a JSON object

        Flags: --config FILE  the shim's configuration, if it is not where the shim looks by itself
               --json         print one JSON object, for programs
               FILE may be -, which is standard input

        Where the pod has a sandbox, its bundle tells what was decided when that was created; everything else tells what
        would be decided if the pod's sandbox were created now. Of a Pod's annotations containerd passes on those alone that
        pod_annotations of its configuration names. OUTCOME is one of

          passthrough                         the directory of the node itself; checkpoints do not have its files
          pod-disk, pod-memory                a file system in the sandbox, which the pod's containers share and
                                              checkpoints have; its pages are on the node's disk or in memory
          container-disk, container-memory    the same, by a hint that says share=container

        The exit code is 1 where the sandbox or the container could not be created, or nothing could be found out.
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
            StandardIo.Write(parsed.Json ? ExplainJson.Of(report).Span : Encoding.UTF8.GetBytes(ExplainTable.Of(report)));
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
        string uid = arguments.PodUid.Length > 0 ? arguments.PodUid : pod.Uid
            ?? throw new UsageException($"explain: flag --pod-uid is needed: {arguments.Annotations} is no Pod with a uid");
        return PodUid.IsUid(uid) ? ExplainReport.OfPod(pod.Annotations, uid, configuration) : throw new UsageException(
            $"explain: flag --annotations: {arguments.Annotations} has a Pod whose uid {ExplainText.Escape(uid)} is none");
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
