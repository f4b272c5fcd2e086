using System.Text;
using Linux;
using Shim.Commands;
using Shim.Explain;

namespace Shim;

/// <summary>The program's entry point: selects the command and reports its failure.</summary>
internal static class Program
{
    private const int Failure = 1;

    public static int Main(string[] arguments)
    {
        try
        {
            // `explain` is for people and has its own flags; containerd uses all other commands.
            if (arguments is [ExplainCommand.Word, ..])
                return ExplainCommand.Run(arguments.AsSpan(1));
            ShimArguments parsed = ShimArguments.Parse(arguments);
            return parsed.Action switch
            {
                ShimAction.Start => StartCommand.Run(parsed),
                ShimAction.Delete => DeleteCommand.Run(parsed),
                ShimAction.Version => VersionCommand.Run(Environment.GetCommandLineArgs()[0]),
                ShimAction.Info => InfoCommand.Run(),
                ShimAction.Features => FeaturesCommand.Run(),
                ShimAction.Help => HelpCommand.Run(),
                _ => ServeCommand.Run(parsed),
            };
        }
        catch (UsageException e)
        {
            return Fail($"{e.Message}; see -h for usage");
        }
        catch (Exception e)
        {
            // containerd's user gets one line and no stack trace; a serving shim has logged the trace.
            return Fail(e.Message);
        }
    }

    /// <summary>Prints one line, which containerd shows to its user.</summary>
    private static int Fail(string message)
    {
        StandardIo.WriteError(Encoding.UTF8.GetBytes($"containerd-shim-runsc-v1: {message.ReplaceLineEndings(" ")}\n"));
        return Failure;
    }
}
