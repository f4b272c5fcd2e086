namespace Testing;

/// <summary>
/// The runsc of these tests, wrapped to look like a release of mid-2026: it has that release's help texts, takes the
/// commands and flags that were added since 2024 (as read in its sources), and records its arguments. What an older
/// runsc cannot do is imitated as far as it can be seen from outside; everything else the wrapped runsc does.
/// </summary>
public sealed class StandInRunsc
{
    private const string Script = """
        #!/bin/sh
        # Arguments: those of runsc. Calls are kept one a line.
        here=$(dirname "$0")
        printf '%s\n' "$*" >>"$here/calls"
        command= leave= image=
        for word do
          shift
          case $word in
            --restore-spec-validation=*|--background|--save-restore-exec-argv=*) continue ;;
            --save-restore-exec-timeout=*|--cuda-checkpoint-path=*) continue ;;
            --cuda-checkpoint-sequential|--fs-restore-direct) continue ;;
            --fs-restore-image-path) skip=yes; continue ;;
            --leave-running) leave=yes ;;
            --image-path=*) image=${word#--image-path=} ;;
          esac
          [ -z "$skip" ] || { skip=; cat "$word/multitar.img" >"$here/restored" || exit 128; continue; }
          case $word in -*) ;; *) : "${command:=$word}" ;; esac
          set -- "$@" "$word"
        done
        flag() { printf '  -%s\n    \tas of mid-2026\n' "$1"; }
        case $command in
          help)
            for topic do :; done
            case $topic in
              restore) for f in background 'bundle string' detach direct 'image-path string'; do flag "$f"; done ;;
              create) for f in 'bundle string' fs-restore-direct 'fs-restore-image-path string'; do flag "$f"; done ;;
              wait) for f in checkpoint fscheckpoint fsrestore 'pid int' restore 'rootpid int'; do flag "$f"; done ;;
              checkpoint)
                for f in 'cuda-checkpoint-path string' cuda-checkpoint-sequential direct 'image-path string' \
                  leave-running 'save-restore-exec-argv string' 'save-restore-exec-timeout duration'
                do flag "$f"; done ;;
              fscheckpoint) for f in direct 'image-path string' leave-running 'path value'; do flag "$f"; done ;;
              *) exec REAL "$@" ;;
            esac
            exit 0 ;;
          flags) REAL "$@"; flag 'restore-spec-validation value' >&2; exit 0 ;;
          fscheckpoint)
            for id do :; done
            echo "file systems of $id" >"$image/multitar.img"
            for file in fscheckpoint.json pages.img pages_meta.img; do : >"$image/$file"; done
            [ -n "$leave" ] || cat "$here/../runsc/test/${id}_sandbox:"*.state |
              sed -n 's/.*"pid":\([0-9]*\).*/\1/p' | head -n 1 | xargs kill -KILL
            exit 0 ;;
          wait)
            case "$*" in
              *--checkpoint*|*--restore*|*--fs*) while [ ! -e "$here/done" ]; do sleep 0.05; done; exit 0 ;;
            esac ;;
        esac
        exec REAL "$@"
        """;

    private readonly string _directory;

    private StandInRunsc(string directory) => _directory = directory;

    public string Path => System.IO.Path.Combine(_directory, "runsc");

    /// <summary>What it was called with, a line each; without the flags in front of the command.</summary>
    public string[] Calls => [.. File.ReadAllLines(System.IO.Path.Combine(_directory, "calls"))
        .Select(static call => string.Join(' ', call.Split(' ').SkipWhile(static word => word.StartsWith('-'))))];

    /// <summary>The same with them.</summary>
    public string[] WholeCalls => File.ReadAllLines(System.IO.Path.Combine(_directory, "calls"));

    /// <summary>The file systems that a create restored.</summary>
    public string Restored => File.ReadAllText(System.IO.Path.Combine(_directory, "restored"));

    /// <summary>Lets the waits for checkpoints and restores end, those to come too.</summary>
    public void EndWaits() => File.WriteAllText(System.IO.Path.Combine(_directory, "done"), "");

    /// <summary>From now on they last again.</summary>
    public void HoldWaits() => File.Delete(System.IO.Path.Combine(_directory, "done"));

    /// <summary>Makes one in a directory.</summary>
    public static StandInRunsc Make(string directory)
    {
        Directory.CreateDirectory(directory);
        var made = new StandInRunsc(directory);
        File.WriteAllText(made.Path, Script.Replace("REAL", Tools.Runsc, StringComparison.Ordinal));
        File.SetUnixFileMode(made.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return made;
    }
}
