using Shim.Checkpoints;

namespace Shim.Tests.Checkpoints;

/// <summary>Who comes back from an image, and when.</summary>
public sealed class RestorePlanTests
{
    [Fact]
    public void All_of_it_in_its_order()
    {
        RestorePlan plan = Of("", "a", "b");
        Assert.Equal(3, plan.Count);
        Assert.Equal([0, 1, 2], [plan.Add("pause"), plan.Add("a"), plan.Add("b")]);
        foreach (int place in (int[])[0, 1, 2])
        {
            Assert.False(plan.IsComplete);
            plan.RequireTurn(place);
            plan.Restored(place);
        }
        Assert.True(plan.IsComplete);
        Assert.Equal("", plan.Missing);
    }

    [Fact]
    public void Names_find_their_place_in_any_order_where_the_order_does_not_count()
    {
        RestorePlan plan = Of("", "a", "b");
        plan.Add("");
        Assert.Equal([2, 1], [plan.Add("b"), plan.Add("a")]);
        plan.Restored(0);
        plan.RequireTurn(2);
        plan.Restored(2);
        Assert.Equal("container a", plan.Missing);
    }

    [Fact]
    public void Where_it_counts_who_comes_too_early_is_told_who_is_missing()
    {
        RestorePlan plan = new("/i", ["", "a", "b"], 3, orderCounts: true);
        plan.Add("");
        Assert.Equal("image /i: its containers must come in their order, the sandbox's own container, container a, container b: "
            + "container a is missing before container b", Refused(() => plan.Add("b")));
        plan.Add("a");
        int b = plan.Add("b");
        plan.Restored(0);
        Assert.Equal("image /i: its containers must be started in their order, and container a is not yet",
            Refused(() => plan.RequireTurn(b)));
        plan.Restored(1);
        plan.RequireTurn(b);
    }

    [Fact]
    public void The_sandbox_comes_first()
    {
        RestorePlan plan = Of("", "a");
        plan.Add("");
        int a = plan.Add("a");
        Assert.Equal("image /i: the sandbox's own container must be started first", Refused(() => plan.RequireTurn(a)));
    }

    [Fact]
    public void Who_is_not_in_it_or_is_there_already_is_refused()
    {
        RestorePlan plan = Of("", "a");
        plan.Add("");
        Assert.Equal("image /i: it holds the sandbox's own container, container a, and no container x", Refused(() => plan.Add("x")));
        plan.Add("a");
        Assert.Equal("image /i: container a is restored from it already", Refused(() => plan.Add("a")));
    }

    [Fact]
    public void A_place_that_is_given_back_can_be_taken_again()
    {
        RestorePlan plan = Of("", "a");
        plan.Add("");
        int place = plan.Add("a");
        plan.Remove(place);
        Assert.Equal(place, plan.Add("a"));
    }

    [Fact]
    public void Those_without_a_name_come_in_their_order()
    {
        RestorePlan plan = Of("", "", "a", "");
        plan.Add("");
        Assert.Equal([1, 3, 2], [plan.Add(""), plan.Add(""), plan.Add("a")]);
        Assert.Equal("image /i: it holds the sandbox's own container, container 1 (it has no name), container a, container 3 "
            + "(it has no name), and no further container without a name", Refused(() => plan.Add("")));
    }

    [Fact]
    public void An_image_that_does_not_tell_names_takes_as_many_as_it_holds()
    {
        RestorePlan plan = new("/i", null, 3, orderCounts: false);
        Assert.Equal([0, 1, 2], [plan.Add(""), plan.Add("b"), plan.Add("")]);
        Assert.Equal("image /i: container b is restored from it already", Refused(() => plan.Add("b")));
        Assert.Equal("image /i: it holds 3 containers, and they are here already", Refused(() => plan.Add("c")));
        plan.Restored(0);
        Assert.Equal("2 of 3 containers", plan.Missing);
        plan.Restored(2);
        plan.Restored(1);
        Assert.True(plan.IsComplete);
    }

    [Fact]
    public void One_that_tells_nothing_is_complete_with_those_that_are_there()
    {
        RestorePlan plan = new("/i", null, null, orderCounts: false);
        plan.Add("");
        Assert.False(plan.IsComplete);
        plan.Restored(0);
        Assert.True(plan.IsComplete);
    }

    private static RestorePlan Of(params string[] names) => new("/i", names, names.Length, orderCounts: false);

    private static string Refused(Action act)
    {
        CheckpointException e = Assert.Throws<CheckpointException>(act);
        Assert.Equal(CheckpointFault.DoesNotFit, e.Fault);
        return e.Message;
    }
}
