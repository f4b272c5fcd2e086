using System.Reflection;

namespace Shim.Commands;

/// <summary>Which build of the shim this is.</summary>
internal static class ShimVersion
{
    /// <summary>What containerd calls the runtime.</summary>
    public const string RuntimeName = "io.containerd.runsc.v1";

    private static readonly string s_informational = typeof(ShimVersion).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";

    /// <summary>The version, such as <c>0.1.0</c>.</summary>
    public static string Number => s_informational.Split('+')[0];

    /// <summary>The commit that it was built from; <c>unknown</c> if it was built outside a checkout.</summary>
    public static string Commit => s_informational.Split('+') is [_, var commit] ? commit : "unknown";
}
