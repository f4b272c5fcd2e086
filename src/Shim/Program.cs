using System.Text;
using Linux;
using Shim.Commands;
using Shim.Explain;

namespace Shim;

/// <summary>The program's entry: which command runs, and how a failure is told.</summary>
internal static class Program
{
    private const int Failure = 1;

    public static int Main(string[] arguments)
    {
        try
        {
            // For people, with flags of its own; everything else is containerd's.
            if (arguments is [ExplainCommand.Word, ..])
                return ExplainCommand.Run(arguments.AsSpan(1));
            ShimArguments parsed = ShimArguments.Parse(arguments);
            return parsed.Action switch
            {
                ShimAction.Start => StartCommand.Run(parsed),
                ShimAction.Delete => DeleteCommand.Run(parsed),
                ShimAction.Version => VersionCommand.Run(Environment.GetCommandLineArgs()[0]),
                ShimAction.Info => InfoCommand.Run(),
                ShimAction.Help => HelpCommand.Run(),
                _ => ServeCommand.Run(parsed),
            };
        }
        catch (UsageException e)
        {
            return Fail($"{e.Message}; -h prints how this is used");
        }
        catch (Exception e)
        {
            // Whatever it was, containerd's user gets a line and not a stack; a serving shim has logged that.
            return Fail(e.Message);
        }
    }

    /// <summary>One line: containerd shows it to its user.</summary>
    private static int Fail(string message)
    {
        StandardIo.WriteError(Encoding.UTF8.GetBytes($"containerd-shim-runsc-v1: {message.ReplaceLineEndings(" ")}\n"));
        return Failure;
    }
}
