using Shim.Containers;
using Shim.Tests.Support;

namespace Shim.Tests.Containers;

public sealed class UndoTests
{
    [Fact]
    public async Task Steps_are_taken_back_latest_first_and_once()
    {
        using TestLog log = new();
        List<string> taken = [];
        Undo undo = new("web", log.Log);
        foreach (string step in (string[])["one", "two", "three"])
            undo.Add(step, async () =>
            {
                await Task.Yield();
                taken.Add(step);
            });
        await undo.RunAsync();
        await undo.RunAsync();
        Assert.Equal(["three", "two", "one"], taken);
    }

    [Fact]
    public async Task One_that_fails_is_logged_and_the_others_are_taken_back()
    {
        using TestLog log = new();
        List<string> taken = [];
        Undo undo = new("web", log.Log);
        undo.Add("one", () =>
        {
            taken.Add("one");
            return Task.CompletedTask;
        });
        undo.Add("two", () => throw new IOException("it is busy"));
        undo.Add("three", () => Task.FromException(new InvalidOperationException("no")));
        await undo.RunAsync();
        Assert.Equal(["one"], taken);
        Assert.Equal(
            [
                """level=error msg="could not undo" id=web what=three reason=no""",
                """level=error msg="could not undo" id=web what=two reason="it is busy" """.TrimEnd(),
            ],
            log.Lines);
    }

    [Fact]
    public async Task Files_are_removed_where_they_are_there()
    {
        using TestLog log = new();
        using TempDirectory directory = new();
        Undo undo = new("web", log.Log);
        undo.AddFile(directory.Write("file", ""));
        undo.AddFile(directory["missing"]);
        await undo.RunAsync();
        Assert.Empty(Directory.GetFileSystemEntries(directory.Path));
    }
}
