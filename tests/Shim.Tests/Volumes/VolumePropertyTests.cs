using CsCheck;
using Shim.Oci;
using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>Properties of the rewriting of every pod.</summary>
public sealed class VolumePropertyTests
{
    private const string SharedMemoryHint = "dev.gvisor.spec.mount.gvisorinternaldevshm.";

    [Fact]
    public void The_scenarios_reach_all_outcomes_and_rules()
    {
        HashSet<string> seen = [];
        VolumeScenario.Any.Sample(scenario =>
        {
            lock (seen)
            {
                Rewriting? sandbox = scenario.Sandbox();
                seen.Add(sandbox is null ? "rejected" : sandbox.Edits.IsEmpty ? "unedited" : "edited");
                foreach (VolumeDecision decision in sandbox?.Decisions.Volumes ?? [])
                {
                    seen.Add(decision.Outcome);
                    seen.Add(decision.RuleName);
                }
            }
        }, iter: 5000);
        string[] expected =
        [
            "rejected", "unedited", "edited", "passthrough", "pod-disk", "pod-memory", "container-disk",
            "container-memory",
            // The rule for restored pods is tested in RestoredVolumesTests.
            .. Enum.GetValues<VolumeRule>().Except([VolumeRule.Restored]).Select(VolumeDecision.NameOf),
        ];
        Assert.Equivalent(expected, seen, strict: true);
    }

    [Fact]
    public void Rewriting_a_rewritten_specification_changes_nothing()
    {
        VolumeScenario.Valid.Sample((scenario, once) =>
        {
            Rewriting twice = Rewriting.OfSandbox(once.Annotations, once.Mounts, scenario.Pod, scenario.Configured);
            Assert.True(twice.Edits.IsEmpty, Differences(twice.Edits));
            Assert.Equal(OfEmptyDirs(once), OfEmptyDirs(twice));
            foreach ((_, Rewriting container) in scenario.ContainersIn(once))
            {
                SpecEdits edits = Rewriting.OfContainer(
                    container.Annotations, container.Mounts, once.Decisions).Edits;
                Assert.True(edits.IsEmpty, Differences(edits));
            }
        }, iter: 5000);

        // Without a removed hint another rule may apply, but the outcome is the same.
        static IEnumerable<(string, string, string)> OfEmptyDirs(Rewriting rewriting) => rewriting.Decisions.Volumes
            .Where(static decision => decision.Rule != VolumeRule.OtherVolumeType)
            .Select(static decision => (decision.Volume, decision.Outcome, decision.Options));
    }

    [Fact]
    public void All_mounts_of_a_volume_in_the_sandbox_have_the_type_of_its_medium()
    {
        VolumeScenario.Valid.Sample((scenario, sandbox) =>
        {
            foreach ((SpecMount mount, VolumeDecision decision, Rewriting after) in VolumeMounts(scenario, sandbox)
                .Where(static each => !each.Decision.IsPassthrough))
            {
                SpecMount[] mounted = [.. after.Mounts.Where(other => other.Destination == mount.Destination
                    && (other.IsBind || other.Type == "tmpfs") && other.Source.TrimEnd('/') == decision.Path)];
                Assert.NotEmpty(mounted);
                Assert.All(mounted, other => Assert.Equal(
                    (decision.Path, decision.Medium == VolumeMedium.Memory, decision.Medium == VolumeMedium.Disk),
                    (other.Source, other.Type == "tmpfs", other.IsBind)));
            }
        }, iter: 5000);
    }

    [Fact]
    public void Mounts_of_a_volume_that_is_passed_through_stay()
    {
        VolumeScenario.Valid.Sample((scenario, sandbox) =>
        {
            foreach ((SpecMount mount, _, Rewriting after) in VolumeMounts(scenario, sandbox)
                .Where(static each => each.Decision.IsPassthrough))
                Assert.Contains(ExamplePod.TextOf(mount), after.MountTexts);
        }, iter: 5000);
    }

    [Fact]
    public void Hints_are_exactly_the_decisions()
    {
        VolumeScenario.Valid.Where(static valid => valid.Sandbox.Decisions.PodUid.Length > 0).Sample((_, sandbox) =>
        {
            Dictionary<string, string> hints = sandbox.Annotations
                .Where(static each => each.Key.StartsWith(VolumeAnnotations.HintPrefix, StringComparison.Ordinal))
                .ToDictionary();
            HashSet<string> sources = [];
            foreach (VolumeDecision decision in sandbox.Decisions.Volumes.Where(static each => !each.IsPassthrough))
            {
                foreach ((string field, string value) in ((string, string)[])[
                    ("type", "tmpfs"), ("share", decision.Share == VolumeShare.Pod ? "pod" : "container"),
                    ("source", decision.Path), ("options", decision.Options)])
                {
                    Assert.True(hints.Remove(VolumeAnnotations.Hint(decision.Volume, field), out string? written));
                    Assert.Equal(value, written);
                }
                hints.Remove(VolumeAnnotations.Hint(decision.Volume, "directfs"));
                Assert.True(sources.Add(decision.Path));
            }
            foreach (SpecMount mount in sandbox.Mounts.Where(
                mount => hints.GetValueOrDefault($"{SharedMemoryHint}source") == mount.Source))
            {
                Assert.Equal(("/dev/shm", "tmpfs"), (mount.Destination.TrimEnd('/'), mount.Type));
                Assert.True(sources.Add(mount.Source));
                foreach (string field in (string[])["source", "type", "share", "options"])
                    Assert.True(hints.Remove(SharedMemoryHint + field));
            }
            Assert.Empty(hints);
        }, iter: 5000);
    }

    [Fact]
    public void Other_annotations_and_mounts_stay()
    {
        VolumeScenario.Valid.Sample((scenario, sandbox) =>
        {
            foreach ((string name, string value) in scenario.Annotations.Where(static annotation =>
                !annotation.Key.StartsWith(VolumeAnnotations.HintPrefix, StringComparison.Ordinal)
                && !annotation.Key.StartsWith(VolumeAnnotations.EmptyDirPrefix, StringComparison.Ordinal)))
                Assert.Equal(value, sandbox.Annotations[name]);
            foreach (SpecMount mount in scenario.SandboxMounts.Where(static mount =>
                !mount.Source.Contains("/pods/", StringComparison.Ordinal)
                && mount.Destination.TrimEnd('/') != "/dev/shm"))
                Assert.Contains(ExamplePod.TextOf(mount), sandbox.MountTexts);
        });
    }

    [Fact]
    public void Without_requests_nothing_is_edited()
    {
        VolumeScenario.Any.Sample(scenario =>
        {
            VolumeScenario quiet = scenario with
            {
                Configured = false,
                Annotations = [.. scenario.Annotations.Where(static annotation =>
                    !annotation.Key.StartsWith("dev.gvisor.", StringComparison.Ordinal))],
                Pod = scenario.Pod is null ? null : scenario.Pod with
                {
                    Volumes = [.. scenario.Pod.Volumes.Where(static volume => volume.Name != "gke-gcsfuse-tmp")],
                },
                SandboxMounts = [.. scenario.SandboxMounts.Where(static mount =>
                    mount.SharedPropagation is null)],
            };
            Rewriting sandbox = quiet.Sandbox()!;
            Assert.True(sandbox.Edits.IsEmpty, Differences(sandbox.Edits));
            Assert.Empty(sandbox.Warnings);
            Assert.All(sandbox.Decisions.Volumes, static decision => Assert.True(decision.IsPassthrough));
        });
    }

    [Fact]
    public void Order_does_not_matter()
    {
        Gen.Select(VolumeScenario.Any, Gen.Int).Sample((scenario, seed) =>
        {
            var random = new Random(seed);
            VolumeScenario shuffled = scenario with
            {
                Annotations = Shuffled(random, scenario.Annotations),
                SandboxMounts = Shuffled(random, scenario.SandboxMounts),
                Pod = scenario.Pod is null
                    ? null : scenario.Pod with { Volumes = Shuffled(random, scenario.Pod.Volumes) },
            };
            // Both are null if a request is impossible.
            Rewriting? one = scenario.Sandbox(), other = shuffled.Sandbox();
            Assert.Equal(one is null, other is null);
            Assert.Equal(one?.Decisions.Volumes, other?.Decisions.Volumes);
            Assert.Equal(one?.Warnings, other?.Warnings);
            Assert.Equal(Sorted(one?.Annotations), Sorted(other?.Annotations));
            Assert.Equal(
                one?.MountTexts.Order(StringComparer.Ordinal), other?.MountTexts.Order(StringComparer.Ordinal));
        }, iter: 5000);

        static T[] Shuffled<T>(Random random, IReadOnlyList<T> list)
        {
            T[] copy = [.. list];
            random.Shuffle(copy);
            return copy;
        }

        static IEnumerable<KeyValuePair<string, string>>? Sorted(IReadOnlyDictionary<string, string>? annotations) =>
            annotations?.OrderBy(static annotation => annotation.Key, StringComparer.Ordinal);
    }

    /// <summary>The mounts of volumes before the rewriting, each with its specification after it.</summary>
    private static IEnumerable<(SpecMount Mount, VolumeDecision Decision, Rewriting After)> VolumeMounts(
        VolumeScenario scenario, Rewriting sandbox)
    {
        (IReadOnlyList<SpecMount> Before, Rewriting After)[] specifications =
            [(scenario.SandboxMounts, sandbox), .. scenario.ContainersIn(sandbox)];
        foreach ((IReadOnlyList<SpecMount> before, Rewriting after) in specifications)
            foreach (SpecMount mount in before)
                foreach (VolumeDecision decision in sandbox.Decisions.Volumes)
                    if ((mount.IsBind || mount.Type == "tmpfs") && IsAt(mount.Source, decision, scenario.Pod!))
                        yield return (mount, decision, after);
    }

    private static bool IsAt(string source, VolumeDecision decision, PodVolumes pod) =>
        source.TrimEnd('/') is var path
        && (path == decision.Path || path == pod.ResolvedDirectory + decision.Path[pod.Directory.Length..]);

    private static string Differences(SpecEdits edits) => string.Join('\n',
        [
            .. edits.Annotations.Select(static edit => $"{edit.Key}={edit.Value ?? "(removed)"}"),
            .. edits.Mounts.Select(static edit =>
                $"{edit.Key}: {(edit.Value is { } mount ? ExamplePod.TextOf(mount) : "(removed)")}"),
        ]);
}
