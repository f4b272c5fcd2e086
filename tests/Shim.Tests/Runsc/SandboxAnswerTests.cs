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
    [InlineData("""{"\ud800":1,"success":true,"result":7}""")]
    [InlineData("""{"success":false,"err":"\ud800"}""")]
    public void An_answer_with_a_text_that_is_not_Unicode_is_rejected(string json) => Assert.ThrowsAny<JsonException>(
        () => SandboxAnswer.Parse(Encoding.UTF8.GetBytes(json)));
}
