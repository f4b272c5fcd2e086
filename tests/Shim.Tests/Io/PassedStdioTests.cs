using Linux;
using Shim.Io;
using Shim.Tests.Support;

namespace Shim.Tests.Io;

public sealed class PassedStdioTests
{
    [Fact]
    public void A_process_and_its_client_use_the_same_FIFOs()
    {
        StdioTest.Run(async test =>
        {
            await using PassedStdio stdio = await test.OpenAsync(test.Stdin, test.Stdout, test.Stderr);
            Assert.Null(stdio.ConsoleSocket);
            using DescriptorStream input = Streams.Inherit(test.Loop, stdio.Descriptors[0]);
            using DescriptorStream output = Streams.Inherit(test.Loop, stdio.Descriptors[1]);
            using DescriptorStream error = Streams.Inherit(test.Loop, stdio.Descriptors[2]);
            await stdio.HandedOverAsync();
            using DescriptorStream toIt = Streams.Write(test.Loop, test.Stdin);
            using DescriptorStream fromOutput = Streams.Read(test.Loop, test.Stdout);
            using DescriptorStream fromError = Streams.Read(test.Loop, test.Stderr);
            await toIt.WriteTextAsync("question");
            await input.ExpectAsync("question");
            await output.WriteTextAsync("answer");
            await error.WriteTextAsync("complaint");
            await fromOutput.ExpectAsync("answer");
            await fromError.ExpectAsync("complaint");
        });
    }

    [Fact]
    public void CloseStdin_ends_the_input_and_a_client_that_detaches_does_not()
    {
        StdioTest.Run(async test =>
        {
            await using PassedStdio stdio = await test.OpenAsync(test.Stdin, "", "");
            using DescriptorStream input = Streams.Inherit(test.Loop, stdio.Descriptors[0]);
            await stdio.HandedOverAsync();
            using (DescriptorStream first = Streams.Write(test.Loop, test.Stdin))
                await first.WriteTextAsync("one");
            await input.ExpectAsync("one");
            Task<string> next = input.ReadTextAsync();
            await Task.Yield();
            Assert.False(next.IsCompleted);
            using (DescriptorStream second = Streams.Write(test.Loop, test.Stdin))
                await second.WriteTextAsync("two");
            Assert.Equal("two", await next);

            using (DescriptorStream third = Streams.Write(test.Loop, test.Stdin))
            {
                await third.WriteTextAsync("three");
                stdio.CloseStdin();
                stdio.CloseStdin();
            }
            Assert.Equal("three", await input.ReadToEndAsync(test.Loop));
        });
    }

    [Fact]
    public void Output_does_not_end_while_the_process_lives()
    {
        StdioTest.Run(async test =>
        {
            await using PassedStdio stdio = await test.OpenAsync("", test.Stdout, "");
            using DescriptorStream output = Streams.Inherit(test.Loop, stdio.Descriptors[1]);
            await stdio.HandedOverAsync();
            using (DescriptorStream first = Streams.Read(test.Loop, test.Stdout))
            {
                await output.WriteTextAsync("one");
                await first.ExpectAsync("one");
            }
            // Without a reader there is no SIGPIPE and no EPIPE, and the output waits for the next reader.
            await output.WriteTextAsync("two");
            output.Dispose();
            using DescriptorStream second = Streams.Read(test.Loop, test.Stdout);
            await second.ExpectAsync("two");
            Task<string> end = second.ReadTextAsync();
            await Task.Yield();
            Assert.False(end.IsCompleted);
            stdio.ProcessEnded();
            Assert.Equal("", await end);
        });
    }

    [Fact]
    public void The_last_output_is_kept_until_somebody_reads_it()
    {
        StdioTest.Run(async test =>
        {
            await using PassedStdio stdio = await test.OpenAsync("", test.Stdout, test.Stderr);
            using (DescriptorStream output = Streams.Inherit(test.Loop, stdio.Descriptors[1]))
                await output.WriteTextAsync("last words");
            await stdio.HandedOverAsync();
            stdio.ProcessEnded();
            using DescriptorStream error = Streams.Read(test.Loop, test.Stderr);
            Assert.Equal("", await error.ReadToEndAsync(test.Loop));

            using DescriptorStream reader = Streams.Read(test.Loop, test.Stdout);
            await reader.ExpectAsync("last words");
            Assert.Equal("", await reader.ReadToEndAsync(test.Loop));
        });
    }

    [Fact]
    public void Disposing_does_not_wait_for_readers()
    {
        StdioTest.Run(async test =>
        {
            PassedStdio stdio = await test.OpenAsync("", test.Stdout, "");
            using (DescriptorStream output = Streams.Inherit(test.Loop, stdio.Descriptors[1]))
                await output.WriteTextAsync("never read");
            stdio.ProcessEnded();
            Assert.Contains(test.Stdout, OpenDescriptors.Targets());
            await stdio.DisposeAsync();
            Assert.DoesNotContain(test.Stdout, OpenDescriptors.Targets());
            stdio.ProcessEnded();
            await stdio.DisposeAsync();
        });
    }

    [Fact]
    public void Stdout_and_stderr_may_be_one_FIFO()
    {
        StdioTest.Run(async test =>
        {
            await using PassedStdio stdio = await test.OpenAsync("", test.Stdout, test.Stdout);
            using (DescriptorStream output = Streams.Inherit(test.Loop, stdio.Descriptors[1]))
            using (DescriptorStream error = Streams.Inherit(test.Loop, stdio.Descriptors[2]))
            {
                await output.WriteTextAsync("out");
                await error.WriteTextAsync("err");
            }
            await stdio.HandedOverAsync();
            using DescriptorStream reader = Streams.Read(test.Loop, test.Stdout);
            await reader.ExpectAsync("outerr");
            stdio.ProcessEnded();
            Assert.Equal("", await reader.ReadToEndAsync(test.Loop));
        });
    }

    [Fact]
    public void Output_is_appended_to_a_file_whose_directories_are_created()
    {
        StdioTest.Run(async test =>
        {
            string path = test.Directory["logs/pod/web.log"];
            foreach (string text in (string[])["one ", "two "])
            {
                await using PassedStdio stdio =
                    await test.OpenAsync("", $"file://{path}", "file:///ignored/beside/stdout");
                WriteTo(stdio.Descriptors[1]!, text);
                WriteTo(stdio.Descriptors[2]!, "err ");
            }
            Assert.Equal("one err two err ", File.ReadAllText(path));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        });
    }

    [Fact]
    public void Stderr_alone_may_be_a_file()
    {
        StdioTest.Run(async test =>
        {
            string path = test.Directory["err.log"];
            await using PassedStdio stdio = await test.OpenAsync("", "", $"file://{path}");
            Assert.Null(stdio.Descriptors[1]);
            WriteTo(stdio.Descriptors[2]!, "err");
            Assert.Equal("err", File.ReadAllText(path));
        });
    }

    [Fact]
    public void A_stream_without_a_name_is_dev_null()
    {
        StdioTest.Run(async test =>
        {
            await using PassedStdio stdio = await test.OpenAsync("", "", "");
            Assert.Equal([null, null, null], stdio.Descriptors);
            stdio.Resize(80, 24);
            stdio.CloseStdin();
            stdio.ProcessEnded();
        });
    }

    [Fact]
    public void A_failed_open_names_the_file_and_leaves_no_descriptor_open()
    {
        StdioTest.Run(async test =>
        {
            string missing = test.Directory["missing"];
            int before = OpenDescriptors.Targets().Count;
            LinuxException e =
                await Assert.ThrowsAsync<LinuxException>(() => test.OpenAsync(test.Stdin, test.Stdout, missing));
            Assert.Equal($"open {missing}: No such file or directory (ENOENT)", e.Message);
            Assert.Equal(Errno.ENOENT,
                (await Assert.ThrowsAsync<LinuxException>(() => test.OpenAsync(missing, "", ""))).Errno);
            foreach ((string stdin, string stderr) in
                ((string, string)[])[("file:///x", ""), ("relative", ""), ("", "binary:///x"), ("", "npipe:///x")])
                await Assert.ThrowsAsync<FormatException>(() => test.OpenAsync(stdin, test.Stdout, stderr));
            Assert.Equal(before, OpenDescriptors.Targets().Count);
        });
    }

    [Fact]
    public void FIFOs_get_the_owner_and_zero_leaves_it_unchanged()
    {
        Requires.Root("changing the owner of files");
        StdioTest.Run(async test =>
        {
            await using PassedStdio both = await PassedStdio.OpenAsync(
                new StdioRequest("", test.Stdout, "", false), test.Owner with { Uid = 1234, Gid = 5678 },
                test.Reaper, test.Loop, test.Blocking);
            Assert.Equal("1234:5678", OwnerOf(test.Stdout));
            await using PassedStdio user = await PassedStdio.OpenAsync(
                new StdioRequest("", test.Stdout, "", false), test.Owner with { Uid = 4321 },
                test.Reaper, test.Loop, test.Blocking);
            Assert.Equal("4321:5678", OwnerOf(test.Stdout));
        });
    }

    [Fact]
    public void No_descriptor_stays_open()
    {
        OpenDescriptors.AssertNoneLeftBy(() => StdioTest.Run(async test =>
        {
            await using PassedStdio never = await test.OpenAsync(test.Stdin, test.Stdout, test.Stderr);
            await using PassedStdio whole = await test.OpenAsync(test.Stdin, test.Stdout, test.Stdout);
            await whole.HandedOverAsync();
            whole.ProcessEnded();
        }));
    }

    private static string OwnerOf(string path)
    {
        using Descriptor output = MemoryFile.Create("stat");
        ShortCommand.Run(
            new SpawnRequest { Path = "stat", Arguments = ["stat", "-c", "%u:%g", path], Descriptors = [null, output] },
            TimeSpan.FromSeconds(10));
        return System.Text.Encoding.UTF8.GetString(MemoryFile.Read(output, 100)).Trim();
    }

    private static void WriteTo(Descriptor descriptor, string text) =>
        Assert.Equal(text.Length, descriptor.TryWrite(System.Text.Encoding.UTF8.GetBytes(text), out _));
}
