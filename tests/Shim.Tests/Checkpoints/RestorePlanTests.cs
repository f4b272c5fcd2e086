using Shim.Checkpoints;

namespace Shim.Tests.Checkpoints;

/// <summary>Which containers can be restored from an image, and in which order.</summary>
public sealed class RestorePlanTests
{
    [Fact]
    public void All_containers_are_restored_in_order()
    {
        RestorePlan plan = Of("", "a", "b");
        Assert.Equal("the sandbox's own container, container a, container b", plan.Missing);
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
    public void Named_containers_come_in_any_order_if_the_plan_is_not_ordered()
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
    public void In_an_ordered_plan_a_container_that_comes_too_early_is_rejected()
    {
        RestorePlan plan = new("/i", ["", "a", "b"], 3, isOrdered: true);
        plan.Add("");
        Assert.Equal("image /i: its containers must be created in order (the sandbox's own container, container a, "
            + "container b), and container a is missing before container b", Rejection(() => plan.Add("b")));
        plan.Add("a");
        int b = plan.Add("b");
        plan.Restored(0);
        Assert.Equal("image /i: its containers must be started in order, and container a is not started yet",
            Rejection(() => plan.RequireTurn(b)));
        plan.Restored(1);
        plan.RequireTurn(b);
    }

    [Fact]
    public void The_sandbox_is_restored_first()
    {
        RestorePlan plan = Of("", "a");
        plan.Add("");
        int a = plan.Add("a");
        Assert.Equal("image /i: the sandbox's own container must be started first",
            Rejection(() => plan.RequireTurn(a)));
    }

    [Fact]
    public void A_container_that_is_not_in_the_image_or_already_created_is_rejected()
    {
        RestorePlan plan = Of("", "a");
        plan.Add("");
        Assert.Equal("image /i: it holds the sandbox's own container, container a, but no container x",
            Rejection(() => plan.Add("x")));
        plan.Add("a");
        Assert.Equal("image /i: its container a is already in this sandbox", Rejection(() => plan.Add("a")));
    }

    [Fact]
    public void A_removed_container_s_place_can_be_taken_again()
    {
        RestorePlan plan = Of("", "a");
        plan.Add("");
        int place = plan.Add("a");
        plan.Remove(place);
        Assert.Equal(place, plan.Add("a"));
    }

    [Fact]
    public void Containers_without_a_name_take_the_unnamed_places_in_order()
    {
        RestorePlan plan = Of("", "", "a", "");
        plan.Add("");
        Assert.Equal([1, 3, 2], [plan.Add(""), plan.Add(""), plan.Add("a")]);
        Assert.Equal("image /i: it holds the sandbox's own container, container 1 (unnamed), container a, container 3 "
            + "(unnamed), but no further container without a name", Rejection(() => plan.Add("")));
    }

    [Fact]
    public void An_image_without_names_takes_as_many_containers_as_it_holds()
    {
        RestorePlan plan = new("/i", null, 3, isOrdered: false);
        Assert.Equal([0, 1, 2], [plan.Add(""), plan.Add("b"), plan.Add("")]);
        Assert.Equal("image /i: its container b is already in this sandbox", Rejection(() => plan.Add("b")));
        Assert.Equal("image /i: all its 3 containers are already in this sandbox", Rejection(() => plan.Add("c")));
        plan.Restored(0);
        Assert.Equal("2 of 3 containers", plan.Missing);
        plan.Restored(2);
        plan.Restored(1);
        Assert.True(plan.IsComplete);
    }

    [Fact]
    public void An_image_without_names_and_number_is_complete_when_all_created_containers_are_restored()
    {
        RestorePlan plan = new("/i", null, null, isOrdered: false);
        plan.Add("");
        Assert.False(plan.IsComplete);
        plan.Restored(0);
        Assert.True(plan.IsComplete);
    }

    private static RestorePlan Of(params string[] names) => new("/i", names, names.Length, isOrdered: false);

    private static string Rejection(Action act)
    {
        CheckpointException e = Assert.Throws<CheckpointException>(act);
        Assert.Equal(CheckpointFault.DoesNotFit, e.Fault);
        return e.Message;
    }
}
