using Shim.Checkpoints;

namespace Fuzz;

/// <summary>
/// What the shim reads of an image, by the first byte: <c>h</c> runsc's header, <c>r</c> the shim's record. A record's
/// containers are then restored in some order.
/// </summary>
internal static class ImagesTarget
{
    public static void Run(byte[] input)
    {
        switch (input)
        {
            case [(byte)'h', ..]:
                ReadHeader(input.AsMemory(1));
                break;
            case [(byte)'r', var order, ..]:
                ReadRecord(input.AsMemory(2), order);
                break;
        }
    }

    private static void ReadHeader(ReadOnlyMemory<byte> file)
    {
        if (ImageHeader.LengthOfObject(file.Span) is { } length)
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
        Target.Require(again.Containers.SequenceEqual(record.Containers), "a record that is written is read again");
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
}
