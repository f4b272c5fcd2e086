using System.Text;
using System.Text.Json;
using Shim.Runsc;

namespace Shim.Tests.Runsc;

public sealed class SandboxAnswerTests
{
    [Theory]
    [InlineData("""{"success":true,"err":"","result":{"a":[1]}}""", """{"a":[1]}""")]
    [InlineData("""{"result":7,"more":[{}],"success":true}""", "7")]
    [InlineData("""{"success":false,"success":true,"result":[],"result": null }""", "null")]
    public void The_result_of_an_answer(string json, string result)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(json);
        SandboxAnswer answer = SandboxAnswer.Parse(bytes);
        Assert.True(answer.Success);
        Assert.Equal(result, Encoding.UTF8.GetString(bytes[answer.Result]));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""[{"uid":0,"pid":1,"cmd":"x"},{"pid":22,"threads":[{"pid":3}]}]""", 1, 22)]
    public void Processes(string json, params int[] pids) =>
        Assert.Equal(pids, SandboxAnswer.ReadPids(Encoding.UTF8.GetBytes(json), 10));

    [Theory]
    [InlineData("{}")]
    [InlineData("7")]
    [InlineData("[7]")]
    [InlineData("[[]]")]
    [InlineData("[{}]")]
    [InlineData("""[{"pid":"1"}]""")]
    [InlineData("""[{"pid":4294967296}]""")]
    public void What_is_not_a_list_of_processes_is_rejected(string json) => Assert.ThrowsAny<JsonException>(
        () => SandboxAnswer.ReadPids(Encoding.UTF8.GetBytes(json), 10));

    [Fact]
    public void Too_many_processes_are_cut()
    {
        string json = $"[{string.Join(',', Enumerable.Repeat("""{"pid":1}""", 1000))}]";
        Assert.Equal(10, SandboxAnswer.ReadPids(Encoding.UTF8.GetBytes(json), 10).Count);
    }

    [Theory]
    [InlineData("""{"\ud800":1,"success":true,"result":7}""")]
    [InlineData("""{"success":false,"err":"\ud800"}""")]
    public void An_answer_with_a_text_that_is_not_Unicode_is_rejected(string json) => Assert.ThrowsAny<JsonException>(
        () => SandboxAnswer.Parse(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void Processes_with_a_name_that_is_not_Unicode_are_rejected() => Assert.ThrowsAny<JsonException>(
        () => SandboxAnswer.ReadPids("""[{"\ud800":1,"pid":1}]"""u8, 10));
}
