using Linux;
using Shim.Io;
using Shim.Tests.Support;

namespace Shim.Tests.Io;

public sealed class LoggingProgramTests
{
    [Theory]
    [InlineData("binary", "exec 5>&-")]
    [InlineData("binary", "echo >&5")]
    [InlineData("binary-v2", "echo >&5")]
    public void The_program_gets_arguments_environment_and_both_streams(string scheme, string getReady)
    {
        StdioTest.Run(async test =>
        {
            string directory = test.Directory.Path;
            string uri = $"{scheme}://{Program(test,
                $"cat /proc/$$/environ > {directory}/environ; echo \"$@\" > {directory}/arguments; {getReady}",
                $"cat <&3 > {directory}/out; cat <&4 > {directory}/err")}?tag=a%20b&x=1";
            PassedStdio stdio = await test.OpenAsync("", uri, "ignored if stdout is a program");
            using (DescriptorStream output = Streams.Inherit(test.Loop, stdio.Descriptors[1]))
                await output.WriteTextAsync("output");
            using (DescriptorStream error = Streams.Inherit(test.Loop, stdio.Descriptors[2]))
                await error.WriteTextAsync("error");
            await stdio.HandedOverAsync();
            stdio.ProcessEnded();
            await stdio.DisposeAsync();
            Assert.Equal("output", File.ReadAllText($"{directory}/out"));
            Assert.Equal("error", File.ReadAllText($"{directory}/err"));
            Assert.Equal("tag a b x 1\n", File.ReadAllText($"{directory}/arguments"));
            Assert.Equal("CONTAINER_ID=web\0CONTAINER_NAMESPACE=k8s.io\0", File.ReadAllText($"{directory}/environ"));
        });
    }

    [Fact]
    public void A_binary_v2_program_is_ready_only_when_it_writes_to_the_pipe()
    {
        StdioTest.Run(async test =>
        {
            string program = Program(test, "exec 5>&-", "sleep 100");
            IOException e =
                await Assert.ThrowsAsync<IOException>(() => test.OpenAsync("", $"binary-v2://{program}", ""));
            Assert.Equal($"logging program {program}: closed its ready pipe without writing to it", e.Message);
        });
    }

    [Fact]
    public void A_program_that_cannot_be_started_is_named()
    {
        StdioTest.Run(async test =>
        {
            LinuxException e =
                await Assert.ThrowsAsync<LinuxException>(() => test.OpenAsync("", "binary:///no/such/logger", ""));
            Assert.Contains("/no/such/logger", e.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void No_descriptor_stays_open()
    {
        OpenDescriptors.AssertNoneLeftBy(() => StdioTest.Run(async test =>
        {
            await Assert.ThrowsAsync<LinuxException>(() => test.OpenAsync("", "binary:///no/such/logger", ""));
            await using PassedStdio stdio =
                await test.OpenAsync("", $"binary://{Program(test, "exec 5>&-", "cat <&3")}", "");
            await stdio.HandedOverAsync();
            stdio.ProcessEnded();
        }));
    }

    private static string Program(StdioTest test, params string[] lines)
    {
        string path = test.Directory.Write("logger", $"#!/bin/sh\nPATH=/usr/bin:/bin\n{string.Join('\n', lines)}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return path;
    }
}
