using Shim.Checkpoints;

namespace Fuzz;

/// <summary>
/// What the shim reads of an image, by the first byte: <c>h</c> runsc's header, <c>r</c> the shim's record, whose
/// containers are then restored in some order; <c>p</c> a plan for a restore, with the calls on it in any order.
/// </summary>
internal static class ImagesTarget
{
    private const int MostContainers = 64; // more take long here, because all are restored
    private const int MostCalls = 256;
    private static readonly string[] s_names = ["", "a", "b", "c"];

    public static void Run(byte[] input)
    {
        switch (input)
        {
            case [(byte)'h', ..]:
                ReadHeader(input.AsSpan(1));
                break;
            case [(byte)'r', var order, ..]:
                ReadRecord(input.AsMemory(2), order);
                break;
            case [(byte)'p', var kind, .. var calls]:
                Plan(kind, calls);
                break;
        }
    }

    private static void ReadHeader(ReadOnlySpan<byte> file)
    {
        if (ImageHeader.LengthOfObject(file) is { } length)
        {
            Target.Require(length >= 0, "the length is not negative");
            ImageHeader.Parse(file.Slice(
                ImageHeader.PrefixBytes, Math.Min(length, file.Length - ImageHeader.PrefixBytes)));
        }
    }

    private static void ReadRecord(ReadOnlyMemory<byte> json, byte order)
    {
        CheckpointRecord record;
        try
        {
            record = CheckpointRecord.Parse(json);
        }
        catch (FormatException)
        {
            return;
        }
        CheckpointRecord again = CheckpointRecord.Parse(record.ToJson());
        Target.Require(again.Containers.SequenceEqual(record.Containers) && again.PodUid == record.PodUid
            && again.Namespace == record.Namespace && again.IsOrdered == record.IsOrdered
            && (again.Volumes?.Volumes ?? []).SequenceEqual(record.Volumes?.Volumes ?? []),
            "a record that is written is read again");
        if (record.Containers.Count <= MostContainers)
            Restore(record, new Random(order));
    }

    private static void Restore(CheckpointRecord record, Random random)
    {
        var plan = new RestorePlan("/image", record.Containers, null, record.IsOrdered);
        List<int> places = [];
        try
        {
            plan.Add(record.Containers[0]);
            for (int i = 1; i < record.Containers.Count; i++)
                places.Add(plan.Add(record.Containers[record.IsOrdered ? i : random.Next(1, record.Containers.Count)]));
            Target.Require(places.Distinct().Count() == places.Count, "no place is given twice");
            plan.RequireTurn(0);
            plan.Restored(0);
            foreach (int place in places)
            {
                plan.RequireTurn(place);
                plan.Restored(place);
            }
            Target.Require(plan.IsComplete, "a restore of all containers is complete");
        }
        catch (CheckpointException)
        {
            _ = plan.Missing;
        }
    }

    /// <summary>Calls as <c>SandboxRestore</c> makes them: a container has a place until it is removed.</summary>
    private static void Plan(byte kind, byte[] calls)
    {
        string[]? names = (kind & 1) == 0 ? null : [.. calls.Take(kind >> 4).Select(each => s_names[each % 4])];
        if (names is { Length: 0 })
            return;
        var plan = new RestorePlan("/image", names, (kind & 2) == 0 ? null : (kind >> 4) + 1, (kind & 4) != 0);
        HashSet<int> created = [], restored = [];
        foreach (byte call in calls.Take(MostCalls))
        {
            int place = created.Count == 0 ? 0 : created.ElementAt(call / 16 % created.Count);
            try
            {
                switch (call % 4)
                {
                    case 0:
                    case 1:
                        Target.Require(created.Add(plan.Add(s_names[call / 4 % 4])), "no place is given twice");
                        break;
                    case 2 when created.Contains(place) && !restored.Contains(place):
                        plan.RequireTurn(place);
                        plan.Restored(place);
                        restored.Add(place);
                        break;
                    // Without the sandbox's own container there is no sandbox.
                    case 3 when place > 0 && created.Contains(place) && !restored.Contains(place):
                        plan.Remove(place);
                        created.Remove(place);
                        break;
                }
            }
            catch (CheckpointException e)
            {
                Target.Require(e.Message.Length < 8192, "an error is short");
            }
            Target.Require(plan.Missing.Length < 8192, "what is missing is short");
            Target.Require(restored.Contains(0) || restored.Count == 0, "the sandbox's own container is the first");
            Target.Require(names is null || !plan.IsComplete || restored.Count == names.Length, "complete means all");
        }
    }
}
