# shellcheck shell=bash
# The verb `fuzz` of build.sh: each target under AFL++, in a copy of the test program that SharpFuzz has prepared.

readonly FUZZ_TARGETS=(ttrpc sandbox volumes images specification runsc toml)
readonly FUZZ_SHOWN=5

# fuzz [TARGET] [MINUTES]: fuzzes one target or all, each for some minutes (default: 5). Fails if it finds something.
fuzz() {
  local targets=("${FUZZ_TARGETS[@]}") minutes=5
  if [ $# -gt 0 ] && [[ ! $1 =~ ^[0-9]+$ ]]; then
    [[ " ${FUZZ_TARGETS[*]} " = *" $1 "* ]] || die "unknown target $1; there are ${FUZZ_TARGETS[*]}"
    targets=("$1"); shift
  fi
  [ $# = 0 ] || minutes=$1
  [[ $minutes =~ ^[1-9][0-9]*$ ]] || die "minutes must be a number above 0, not $minutes"
  need_dotnet
  command -v afl-fuzz >/dev/null || apt_install afl++
  say "Compiling the targets and preparing them for AFL++"
  local bin=$OUT/fuzz/bin
  rm -rf "$bin"; mkdir -p "$OUT/fuzz"
  dotnet build tests/Fuzz -c Release -v quiet -nologo -clp:NoSummary
  cp -r tests/Fuzz/bin/Release/net10.0 "$bin"
  dotnet "$bin/Fuzz.dll" instrument "$bin"
  local target status=0
  for target in "${targets[@]}"; do
    say "Fuzzing $target for $minutes min; log: out/fuzz/$target.log"
    fuzz_target "$target" $((minutes * 60)) || status=1
  done
  say "Result"
  for target in "${targets[@]}"; do note "$target: $(fuzz_figures "$target")"; done
  return $status
}

# Fails if there is a finding. What an earlier run has learned is used again (AFL_AUTORESUME), but not its findings.
fuzz_target() {
  local out=out/fuzz/$1 found each status=0
  AFL_AUTORESUME=1 AFL_NO_UI=1 AFL_SKIP_BIN_CHECK=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 \
    AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
    afl-fuzz -V "$2" -t 10000 -m none -x "tests/Fuzz/tokens/$1" -i "tests/Fuzz/corpus/$1" -o "$out" -- \
    "$(command -v dotnet)" "$OUT/fuzz/bin/Fuzz.dll" run "$1" >"$out.log" 2>&1 || status=$?
  if [ $status != 0 ]; then
    grep -q 'fork server' "$out.log" || { tail -n 5 "$out.log"; die "afl-fuzz failed on target $1"; }
    # A stack overflow ends the program, and AFL++ with it.
    mkdir -p "$out/default/crashes"
    cp "$out/default/.cur_input" "$out/default/crashes/id:ended-the-program"
  fi
  mapfile -t found < <(find "$out" -path '*/crashes/id:*' -o -path '*/hangs/id:*')
  [ ${#found[@]} -gt 0 ] || return 0
  note "$1: ${#found[@]} findings; see what they do with:"
  for each in "${found[@]:0:FUZZ_SHOWN}"; do note "dotnet run --project tests/Fuzz -- replay $1 $each"; done
  return 1
}

# "1200000 executions (22000/s), 115 inputs, 360 edges, 0 crashes, 0 hangs"
fuzz_figures() {
  awk -F ' *: *' '{ value[$1] = $2 } END {
    printf "%s executions (%d/s), %s inputs, %s edges, %s crashes, %s hangs\n", value["execs_done"],
      value["execs_per_sec"], value["corpus_count"], value["edges_found"], value["saved_crashes"], value["saved_hangs"]
  }' "$OUT/fuzz/$1/default/fuzzer_stats"
}
