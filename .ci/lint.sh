# The checks of `./build.sh lint`, sourced by build.sh. Each prints its findings with file and line, and fails if there
# are any.
# shellcheck shell=bash

readonly MAX_COLUMNS=120 MAX_LINES=350
readonly WORDS=.ci/words.txt

lint() {
  need_dotnet
  need_lint_tools
  local check bad=()
  for check in format columns lines shell spelling typos; do
    say "Checking $(lint_title $check)"
    "check_$check" || bad+=("$check")
  done
  [ ${#bad[@]} = 0 ] || { note "lint failed: ${bad[*]}"; return 1; }
  note "lint found nothing"
}

lint_title() {
  case $1 in
    format) echo "whitespace and the order of using directives (dotnet format; half a minute)" ;;
    columns) echo "that no line of C# is over $MAX_COLUMNS columns" ;;
    lines) echo "that no C# file has over $MAX_LINES lines" ;;
    shell) echo "the scripts (shellcheck)" ;;
    spelling) echo "spelling in documents, comments and messages (aspell and $WORDS)" ;;
    typos) echo "for common typos in all sources (codespell)" ;;
  esac
}

need_lint_tools() {
  local missing=()
  command -v shellcheck >/dev/null || missing+=(shellcheck)
  command -v codespell >/dev/null || missing+=(codespell)
  command -v aspell >/dev/null || missing+=(aspell)
  aspell dicts 2>/dev/null | grep -x en_US >/dev/null || missing+=(aspell-en)
  [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}"
}

# sources PATTERN...: the files of these names, without what a build wrote. Not from git, which may be missing.
sources() {
  local pattern names=()
  for pattern; do names+=(-o -name "$pattern"); done
  find README.md CONTRIBUTING.md build.sh .ci docs protos src tests \
    -type d \( -name bin -o -name obj \) -prune -o -type f \( "${names[@]:1}" \) -print | LC_ALL=C sort
}

# The build enforces code style and analyzers, and the whole `dotnet format` would take minutes to check them again.
# It adds to them whitespace and the order of using directives; `style` always checks the latter.
check_format() {
  local status=0
  dotnet format whitespace --folder --include src/ tests/ --verify-no-changes || status=1
  dotnet format style Shim.sln --diagnostics IMPORTS --verify-no-changes || status=1
  return $status
}

check_columns() {
  local files; mapfile -t files < <(sources '*.cs')
  ! LC_ALL=C.UTF-8 grep -nHE "^.{$((MAX_COLUMNS + 1)),}" "${files[@]}" | sed -E 's/^([^:]*:[0-9]+):.*/\1/' | grep .
}

check_lines() {
  local files; mapfile -t files < <(sources '*.cs')
  ! awk -v max=$MAX_LINES 'FNR == max + 1 {print FILENAME ":" FNR}' "${files[@]}" | grep .
}

check_shell() {
  local files; mapfile -t files < <(sources '*.sh' run)
  shellcheck -x "${files[@]}"
}

# Prints where a word is used that neither the dictionary nor the project's own list knows.
check_spelling() {
  local files work status=0
  LC_ALL=C sort -cu "$WORDS" || { note "sort it: LC_ALL=C sort -u -o $WORDS $WORDS"; status=1; }
  mapfile -t files < <(sources '*.md' '*.cs' '*.sh' '*.proto' run)
  work=$(mktemp -d)
  LC_ALL=C awk -f .ci/prose.awk "${files[@]}" >"$work/used"
  cut -d: -f3 "$work/used" | aspell --lang=en_US --encoding=utf-8 --mode=none list >"$work/unknown"
  awk -F: '
    FILENAME == ARGV[1] { known[$0]; next }
    FILENAME == ARGV[2] { if (!($0 in known) && !(tolower($0) in known)) bad[$0]; next }
    $3 in bad && !seen[$0]++ { print $1 ":" $2 ": " $3 }
  ' "$WORDS" "$work/unknown" "$work/used" >"$work/bad"
  cat "$work/bad"
  [ ! -s "$work/bad" ] || { note "correct these words; one that is right goes into $WORDS"; status=1; }
  rm -rf "$work"
  return $status
}

check_typos() {
  local files; mapfile -t files < <(sources '*.md' '*.cs' '*.sh' '*.proto' '*.go' '*.csproj' '*.props' run)
  # "ND" is in a protocol diagram; codespell reads FileTests and OtherWrite as typos.
  codespell --ignore-words-list=nd,filetests,otherwrite "${files[@]}"
}
