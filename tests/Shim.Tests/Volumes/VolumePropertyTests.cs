using CsCheck;
using Shim.Oci;
using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>What holds for every pod, however odd.</summary>
public sealed class VolumePropertyTests
{
    private const string SharedMemoryHint = "dev.gvisor.spec.mount.gvisorinternaldevshm.";

    /// <summary>Whether the scenarios are worth it: all outcomes and all rules are among them.</summary>
    [Fact]
    public void The_scenarios_reach_everything()
    {
        HashSet<string> seen = [];
        VolumeScenario.Any.Sample(scenario =>
        {
            lock (seen)
            {
                Rewriting? sandbox = scenario.Sandbox();
                seen.Add(sandbox is null ? "refused" : sandbox.Edits.IsEmpty ? "unedited" : "edited");
                foreach (VolumeDecision decision in sandbox?.Decisions.Volumes ?? [])
                {
                    seen.Add(decision.Outcome);
                    seen.Add(decision.RuleName);
                }
            }
        }, iter: 5000);
        Assert.Equivalent((string[])[
            "refused", "unedited", "edited", "passthrough", "pod-disk", "pod-memory", "container-disk", "container-memory",
            // Only an image decides by the last one, see RestoredVolumesTests.
            .. Enum.GetValues<VolumeRule>().Except([VolumeRule.Restored]).Select(VolumeDecision.NameOf)], seen, strict: true);
    }

    [Fact]
    public void Twice_is_once()
    {
        VolumeScenario.Any.Sample(scenario =>
        {
            if (scenario.Sandbox() is not { } once)
                return;
            Rewriting twice = Rewriting.OfSandbox(once.Annotations, once.Mounts, scenario.Pod, scenario.Configured);
            Assert.True(twice.Edits.IsEmpty, Differences(twice.Edits));
            Assert.Equal(OfEmptyDirs(once), OfEmptyDirs(twice));
            foreach (IReadOnlyList<SpecMount> mounts in scenario.Containers)
                if (scenario.Container(mounts, once.Decisions) is { } container)
                {
                    SpecEdits edits = Rewriting.OfContainer(
                        container.Annotations, container.Mounts, once.Decisions).Edits;
                    Assert.True(edits.IsEmpty, Differences(edits));
                }
        }, iter: 5000);

        // A hint that was dropped can be the reason for another rule, never for another outcome.
        static IEnumerable<(string, string, string)> OfEmptyDirs(Rewriting rewriting) => rewriting.Decisions.Volumes
            .Where(static decision => decision.Rule != VolumeRule.OtherVolumeType)
            .Select(static decision => (decision.Volume, decision.Outcome, decision.Options));
    }

    [Fact]
    public void All_mounts_of_a_volume_are_one()
    {
        VolumeScenario.Any.Sample(scenario =>
        {
            if (scenario.Sandbox() is not { } sandbox)
                return;
            List<(IReadOnlyList<SpecMount> Before, Rewriting After)> specifications = [(scenario.SandboxMounts, sandbox)];
            foreach (IReadOnlyList<SpecMount> mounts in scenario.Containers)
                if (scenario.Container(mounts, sandbox.Decisions) is { } container)
                    specifications.Add((mounts, container));
            foreach (VolumeDecision decision in sandbox.Decisions.Volumes)
                foreach ((IReadOnlyList<SpecMount> before, Rewriting after) in specifications)
                    foreach (SpecMount mount in before)
                        if ((mount.IsBind || mount.Type == "tmpfs") && IsAt(mount.Source, decision, scenario.Pod!))
                            AssertMounted(mount, decision, after);
        }, iter: 5000);
    }

    private static void AssertMounted(SpecMount mount, VolumeDecision decision, Rewriting after)
    {
        if (decision.IsPassthrough)
        {
            Assert.Contains(ExamplePod.TextOf(mount), after.MountTexts);
            return;
        }
        SpecMount[] mounted = [.. after.Mounts.Where(other => other.Destination == mount.Destination
            && (other.IsBind || other.Type == "tmpfs") && other.Source.TrimEnd('/') == decision.Path)];
        Assert.NotEmpty(mounted);
        Assert.All(mounted, other => Assert.Equal(
            (decision.Path, decision.Medium == VolumeMedium.Memory, decision.Medium == VolumeMedium.Disk),
            (other.Source, other.Type == "tmpfs", other.IsBind)));
    }

    [Fact]
    public void Hints_are_the_decisions_and_nothing_else()
    {
        VolumeScenario.Any.Sample(scenario =>
        {
            if (scenario.Sandbox() is not { Decisions.PodUid.Length: > 0 } sandbox)
                return;
            Dictionary<string, string> hints = sandbox.Annotations
                .Where(static annotation => annotation.Key.StartsWith(VolumeAnnotations.HintPrefix, StringComparison.Ordinal))
                .ToDictionary();
            HashSet<string> sources = [];
            foreach (VolumeDecision decision in sandbox.Decisions.Volumes)
            {
                if (decision.IsPassthrough)
                    continue;
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
            foreach (SpecMount mount in sandbox.Mounts)
                if (hints.GetValueOrDefault($"{SharedMemoryHint}source") == mount.Source)
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
        VolumeScenario.Any.Sample(scenario =>
        {
            if (scenario.Sandbox() is not { } sandbox)
                return;
            foreach ((string name, string value) in scenario.Annotations)
                if (!name.StartsWith(VolumeAnnotations.HintPrefix, StringComparison.Ordinal)
                    && !name.StartsWith(VolumeAnnotations.EmptyDirPrefix, StringComparison.Ordinal))
                    Assert.Equal(value, sandbox.Annotations[name]);
            foreach (SpecMount mount in scenario.SandboxMounts)
                if (!mount.Source.Contains("/pods/", StringComparison.Ordinal)
                    && mount.Destination.TrimEnd('/') != "/dev/shm")
                    Assert.Contains(ExamplePod.TextOf(mount), sandbox.MountTexts);
        });
    }

    [Fact]
    public void Who_asks_for_nothing_gets_nothing()
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
                    mount.Destination.TrimEnd('/') != "/dev/shm" || !mount.IsBind)],
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
                Pod = scenario.Pod is null ? null : scenario.Pod with { Volumes = Shuffled(random, scenario.Pod.Volumes) },
            };
            Rewriting? one = scenario.Sandbox(), other = shuffled.Sandbox();
            Assert.Equal(one is null, other is null);
            if (one is null || other is null)
                return;
            Assert.Equal(one.Decisions.Volumes, other.Decisions.Volumes);
            Assert.Equal(one.Warnings, other.Warnings);
            Assert.Equal(Sorted(one.Annotations), Sorted(other.Annotations));
            Assert.Equal(one.MountTexts.Order(StringComparer.Ordinal), other.MountTexts.Order(StringComparer.Ordinal));
        }, iter: 5000);

        static T[] Shuffled<T>(Random random, IReadOnlyList<T> list)
        {
            T[] copy = [.. list];
            random.Shuffle(copy);
            return copy;
        }

        static IEnumerable<KeyValuePair<string, string>> Sorted(IReadOnlyDictionary<string, string> annotations) =>
            annotations.OrderBy(static annotation => annotation.Key, StringComparer.Ordinal);
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
