using Linux;
using Shim.Io;
using Shim.Tests.Support;

namespace Shim.Tests.Io;

public sealed class TerminalStdioTests
{
    [Fact]
    public void A_terminal_and_its_client_talk_through_the_FIFOs()
    {
        StdioTest.Run(async test =>
        {
            await using TerminalStdio stdio = await test.OpenTerminalAsync(test.Stdin, test.Stdout);
            Assert.Equal([null, null, null], stdio.Descriptors);
            using DescriptorStream client = Streams.Read(test.Loop, test.Stdout);
            using DescriptorStream process = await HandOverAsync(test, stdio);
            await process.WriteTextAsync("prompt> ");
            await client.ExpectAsync("prompt> ");
            using DescriptorStream keyboard = Streams.Write(test.Loop, test.Stdin);
            await keyboard.WriteTextAsync("ls\n");
            await process.ExpectAsync("ls\n");
            await client.ExpectAsync("ls\r\n"); // the terminal's echo
        });
    }

    [Fact]
    public void The_input_does_not_end_when_a_client_detaches()
    {
        StdioTest.Run(async test =>
        {
            await using TerminalStdio stdio = await test.OpenTerminalAsync(test.Stdin, "");
            using DescriptorStream process = await HandOverAsync(test, stdio);
            foreach (string line in (string[])["one\n", "two\n"])
            {
                using (DescriptorStream keyboard = Streams.Write(test.Loop, test.Stdin))
                    await keyboard.WriteTextAsync(line);
                await process.ExpectAsync(line);
            }
            stdio.CloseStdin();
            stdio.CloseStdin();
        });
    }

    [Fact]
    public void The_size_can_be_set_before_the_terminal_arrives_and_after()
    {
        StdioTest.Run(async test =>
        {
            await using TerminalStdio stdio = await test.OpenTerminalAsync("", "");
            stdio.Resize(132, 43);
            using DescriptorStream process = await HandOverAsync(test, stdio);
            Assert.Equal((132, 43), NativeCalls.TerminalSize(process.Descriptor));
            stdio.Resize(80, 24);
            Assert.Equal((80, 24), NativeCalls.TerminalSize(process.Descriptor));
        });
    }

    [Fact]
    public void Output_before_the_end_of_the_process_arrives_though_the_terminal_stays_open()
    {
        StdioTest.Run(async test =>
        {
            await using TerminalStdio stdio = await test.OpenTerminalAsync("", test.Stdout);
            using DescriptorStream client = Streams.Read(test.Loop, test.Stdout);
            using DescriptorStream process = await HandOverAsync(test, stdio);
            string much = new('x', 3000);
            await process.WriteTextAsync(much);
            stdio.ProcessEnded();
            Assert.Equal(much, await client.ReadToEndAsync(test.Loop));
        });
    }

    [Fact]
    public void Readers_see_the_end_when_the_process_ends_without_more_output()
    {
        StdioTest.Run(async test =>
        {
            await using TerminalStdio stdio = await test.OpenTerminalAsync("", test.Stdout);
            using DescriptorStream client = Streams.Read(test.Loop, test.Stdout);
            using DescriptorStream process = await HandOverAsync(test, stdio);
            await process.WriteTextAsync("x");
            await client.ExpectAsync("x");
            stdio.ProcessEnded();
            Assert.Equal("", await client.ReadToEndAsync(test.Loop));
        });
    }

    [Fact]
    public void Readers_see_the_end_when_the_terminal_ends()
    {
        StdioTest.Run(async test =>
        {
            await using TerminalStdio stdio = await test.OpenTerminalAsync("", test.Stdout);
            using DescriptorStream client = Streams.Read(test.Loop, test.Stdout);
            using (DescriptorStream process = await HandOverAsync(test, stdio))
                await process.WriteTextAsync("bye");
            Assert.Equal("bye", await client.ReadToEndAsync(test.Loop));
        });
    }

    [Fact]
    public void Output_may_go_to_a_file()
    {
        StdioTest.Run(async test =>
        {
            string path = test.Directory["logs/tty.log"];
            TerminalStdio stdio = await test.OpenTerminalAsync("", $"file://{path}");
            using (DescriptorStream process = await HandOverAsync(test, stdio))
                await process.WriteTextAsync("to the file");
            stdio.ProcessEnded();
            await stdio.DisposeAsync();
            Assert.Equal("to the file", File.ReadAllText(path));
        });
    }

    [Fact]
    public void Readers_see_the_end_if_the_terminal_never_arrived()
    {
        StdioTest.Run(async test =>
        {
            TerminalStdio stdio = await test.OpenTerminalAsync(test.Stdin, test.Stdout);
            string socket = stdio.ConsoleSocket!;
            using DescriptorStream client = Streams.Read(test.Loop, test.Stdout);
            stdio.ProcessEnded();
            Assert.Equal("", await client.ReadToEndAsync(test.Loop));
            await stdio.DisposeAsync();
            Assert.False(Directory.Exists(Path.GetDirectoryName(socket)));
        });
    }

    // A start that fails disposes the streams before it reports the end of the process, and Delete comes later.
    [Fact]
    public void Every_call_is_allowed_after_DisposeAsync()
    {
        StdioTest.Run(async test =>
        {
            TerminalStdio stdio = await test.OpenTerminalAsync(test.Stdin, test.Stdout);
            using DescriptorStream process = await HandOverAsync(test, stdio);
            await stdio.DisposeAsync();
            stdio.ProcessEnded();
            stdio.CloseStdin();
            stdio.Resize(80, 24);
            await stdio.DisposeAsync();
        });
    }

    [Fact]
    public void No_descriptor_stays_open()
    {
        OpenDescriptors.AssertNoneLeftBy(() => StdioTest.Run(async test =>
        {
            await using TerminalStdio never = await test.OpenTerminalAsync(test.Stdin, test.Stdout);
            await using TerminalStdio whole = await test.OpenTerminalAsync(test.Stdin, test.Stdout);
            using DescriptorStream process = await HandOverAsync(test, whole);
            await process.WriteTextAsync("x");
            using DescriptorStream client = Streams.Read(test.Loop, test.Stdout);
            await client.ExpectAsync("x");
        }));
    }

    [Fact]
    public void A_failed_open_leaves_no_descriptor_open()
    {
        StdioTest.Run(async test =>
        {
            int before = OpenDescriptors.Targets().Count;
            string missing = test.Directory["missing"];
            await Assert.ThrowsAsync<LinuxException>(() => test.OpenTerminalAsync(missing, test.Stdout));
            await Assert.ThrowsAsync<LinuxException>(() => test.OpenTerminalAsync(test.Stdin, missing));
            await Assert.ThrowsAsync<FormatException>(() => test.OpenTerminalAsync("relative", test.Stdout));
            await Assert.ThrowsAsync<FormatException>(() => test.OpenTerminalAsync("file:///x", test.Stdout));
            Assert.Equal(before, OpenDescriptors.Targets().Count);
            Assert.Equal(3, Directory.GetFileSystemEntries(test.Directory.Path).Length);
        });
    }

    /// <summary>Does what runsc does: opens a terminal, sends its master and keeps its slave.</summary>
    private static async Task<DescriptorStream> HandOverAsync(StdioTest test, TerminalStdio stdio)
    {
        (Descriptor master, Descriptor slave) = NativeCalls.OpenTerminal();
        using (master)
        using (UnixConnection runsc = await UnixSocket.ConnectAsync(stdio.ConsoleSocket!))
        {
            NativeCalls.SendDescriptors(runsc.Stream.Descriptor, "/dev/ptmx"u8, [master]);
            await stdio.HandedOverAsync();
        }
        return new DescriptorStream(test.Loop, slave);
    }
}
