#!/usr/bin/env bash
# Builds, tests, measures, demonstrates and installs containerd-shim-runsc-v1. `./build.sh help` lists the verbs.
#
# The only change to the system is apt-get install of what is missing: a compiler and linker, the programs of lint, and
# qemu for the tests.
# The containerd, runsc and other programs that the tests and the demo run are unpacked under .tools/, never installed.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

readonly ROOT=$PWD TOOLS=$PWD/.tools OUT=$PWD/out
readonly BINARY=containerd-shim-runsc-v1

say()  { printf '\033[1m==> %s\033[0m\n' "$*"; }
note() { printf '    %s\n' "$*"; }
die()  { printf 'build.sh: %s\n' "$*" >&2; exit 1; }

usage() {
  cat <<EOF
./build.sh VERB

  build            compile ./out/$BINARY with Native AOT
  demo             show containers running in gVisor under a private containerd (root)
  lint             check formatting, line and file lengths, scripts and spelling
  test [FILTER]    build, lint and run all tests, or only the tests whose full name contains FILTER (root)
  fuzz [TARGET] [MINUTES]
                   look for inputs that code which reads hostile ones cannot take, with AFL++; default: all targets, 5
                   minutes each
  soak [MINUTES]   random calls, pods that come and go, and everything killed at random moments, against a real runsc
                   and containerd; default: 10 minutes (root)
  vm [FILTER]      run the tests that depend on the version of cgroups in a virtual machine with version 2 (root)
  bench [ARGS]     measure this shim, containerd's runc shim and raw runsc (root)
  tools            unpack containerd 1.6, 1.7 and 2.1, runsc and what else the tests need under ./.tools
  install [PREFIX] copy the binary to PREFIX/bin (default: /usr/local)
  clean            remove build output; ./.tools stays, remove it by hand
  help             print this text

Set CONTAINERD=/path/to/containerd (with ctr in the same directory) or RUNSC=/path/to/runsc to run demo, test and bench
with your own.
EOF
}

. "$ROOT/tests/image.sh"
. "$ROOT/.ci/lint.sh"
. "$ROOT/tests/Fuzz/fuzz.sh"
. "$ROOT/tests/vm/vm.sh"

# --- prerequisites ----------------------------------------------------------------------------------------------------

apt_install() {
  [ "$(id -u)" = 0 ] || die "missing packages: $*; install them, or run this as root"
  say "Installing $*"
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y --no-install-recommends "$@" >/dev/null 2>&1 ||
    { apt-get update >/dev/null && apt-get install -y --no-install-recommends "$@" >/dev/null; } ||
    die "apt-get could not install: $*"
}

need_dotnet() {
  command -v dotnet >/dev/null || die "the .NET 10 SDK is missing: https://dotnet.microsoft.com/download"
  # global.json says which SDKs will do.
  dotnet --version >/dev/null 2>&1 ||
    die "the .NET 10 SDK is required; found: $(dotnet --list-sdks | cut -d' ' -f1 | xargs)"
}

need_compiler() {
  need_dotnet
  local missing=()
  command -v cc >/dev/null || missing+=(gcc libc6-dev)
  command -v objcopy >/dev/null || missing+=(binutils)
  [ -e /usr/include/zlib.h ] || missing+=(zlib1g-dev)
  [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}"
}

need_root() { [ "$(id -u)" = 0 ] || die "$1 runs containers and needs root"; }

# --- tools: Debian's packages, unpacked side by side ------------------------------------------------------------------

# Prints the mirror in this machine's apt configuration, of whatever Debian release.
mirror() {
  # shellcheck disable=SC2016 # apt fills these in
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' 2>/dev/null |
    awk '$3 == "main" && $4 == "Debian" && $2 !~ /-/ {print $1; exit}'
}

# Runs an apt command with lists, cache, sources and pins under .tools/apt; the rest, such as proxies, is the machine's.
private_apt() {
  local tool=$1; shift
  "$tool" -o Dir::Etc::sourcelist="$TOOLS/apt/sources.list" -o Dir::Etc::sourceparts="$TOOLS/apt/none" \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts="$TOOLS/apt/none" \
    -o Dir::State="$TOOLS/apt/state" -o Dir::State::status="$TOOLS/apt/status" -o Dir::Cache="$TOOLS/apt/cache" \
    -o APT::Sandbox::User=root -o Acquire::Languages=none -o APT::Architecture="$(dpkg --print-architecture)" \
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
    -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false "$@"
}

update_private_apt() {
  local from; from=$(mirror)
  if [ -z "$from" ]; then apt-get update >/dev/null; from=$(mirror); fi
  [ -n "$from" ] ||
    die "no Debian mirror in this machine's apt configuration; set CONTAINERD= and RUNSC= to use your own"
  mkdir -p "$TOOLS"/apt/{none,debs,state/lists/partial,cache/archives/partial}
  : >"$TOOLS/apt/status"
  local key=/usr/share/keyrings/debian-archive-keyring.gpg suite
  # On a snapshot mirror sid's index may have expired; its signature is checked nevertheless.
  for suite in bookworm bookworm-backports trixie sid; do
    echo "deb [signed-by=$key check-valid-until=no] $from $suite main"
  done >"$TOOLS/apt/sources.list"
  private_apt apt-get update -qq || note "some package lists could not be fetched; continuing without them"
}

# unpack DIR SUITE PACKAGE...: unpacks these packages into .tools/DIR. If one is not available, says so and fails.
unpack() {
  local dir=$TOOLS/$1 suite=$2 deb; shift 2
  local want="$suite: $*"
  [ "$(cat "$dir/.packages" 2>/dev/null)" = "$want" ] && return 0
  rm -rf "$dir" "$dir.new"; mkdir -p "$dir.new"
  # One call for all packages, because every call reads every package list.
  if ! (cd "$TOOLS/apt/debs" && private_apt apt-get download -qq "${@/%//$suite}" >/dev/null 2>"$TOOLS/apt/error"); then
    note "MISSING: $* from $suite: $(grep '^E:' "$TOOLS/apt/error" | head -n 1)"
    rm -rf "$dir.new"; return 1
  fi
  for deb in "$TOOLS"/apt/debs/*.deb; do
    dpkg-deb -x "$deb" "$dir.new"
    note "$(basename "$deb" | sed 's/%3a/:/; s/\.deb$//') -> .tools/$(basename "$dir")"
    rm -f "$deb"
  done
  printf '%s' "$want" >"$dir.new/.packages"
  mv "$dir.new" "$dir"
}

tools_wanted() {
  # Columns: directory, suite, packages.
  cat <<EOF
containerd-1.6 bookworm containerd
containerd-1.7 trixie containerd
containerd-2.1 sid containerd
runsc bookworm-backports runsc
runc bookworm runc libseccomp2
busybox bookworm busybox-static
cni bookworm containernetworking-plugins
network bookworm $(network_packages)
criu bookworm $(criu_packages)
filesystems bookworm fuse3 libfuse3-3 fuse-overlayfs erofs-utils liblz4-1
go trixie $(go_packages)
EOF
}

network_packages() {
  echo iptables libip4tc2 libip6tc2 libxtables12 libmnl0 libnetfilter-conntrack3 libnfnetlink0 libnftnl11 iproute2 \
    libbpf1 libelf1 libtirpc3 libcap2 libbsd0 libmd0
}

criu_packages() {
  echo criu libbsd0 libmd0 libnet1 libnftables1 libnl-3-200 libprotobuf-c1 libnftnl11 libmnl0 libxtables12 libjansson4
}

# The Go implementation of ttrpc and its dependencies, for the conformance tests.
go_packages() {
  echo golang-1.24-go golang-1.24-src golang-github-containerd-ttrpc-dev golang-github-sirupsen-logrus-dev \
    golang-golang-x-sys-dev golang-google-genproto-dev golang-google-grpc-dev golang-google-protobuf-dev
}

tools() {
  local dir suite packages updated="" missing=()
  while read -r dir suite packages; do
    [ "$(cat "$TOOLS/$dir/.packages" 2>/dev/null)" = "$suite: $packages" ] && continue
    if [ -z "$updated" ]; then
      say "Downloading Debian packages into .tools (nothing is installed)"
      update_private_apt; updated=yes
    fi
    # shellcheck disable=SC2086 # packages is a list
    unpack "$dir" "$suite" $packages || missing+=("$dir")
  done < <(tools_wanted)
  rm -rf "$TOOLS/apt/debs"; mkdir -p "$TOOLS/apt/debs"
  [ ${#missing[@]} = 0 ] || note "not available: ${missing[*]} (tests that need them are skipped)"
  local versions; versions=$(find "$TOOLS" -maxdepth 1 -name 'containerd-*' -not -name '*.new' | wc -l)
  [ -n "${CONTAINERD:-}" ] || [ "$versions" -ge 2 ] ||
    die "fewer than two containerd versions are available; missing: ${missing[*]}"
  [ -n "${RUNSC:-}" ] || [ -x "$TOOLS/runsc/usr/bin/runsc" ] || die "no runsc: set RUNSC=/path/to/runsc"
}

# --- build ------------------------------------------------------------------------------------------------------------

build() {
  need_compiler
  say "Compiling $BINARY with Native AOT"
  local publish=$ROOT/src/Shim/bin/publish
  # Warnings are errors, including those of the trimmer and the AOT compiler.
  dotnet publish src/Shim/Shim.csproj -c Release -r "$(rid)" -o "$publish" -v quiet -nologo
  mkdir -p "$OUT"
  install -m 0755 "$publish/$BINARY" "$OUT/$BINARY"
  install -m 0644 "$publish/$BINARY.dbg" "$OUT/$BINARY.dbg"
  # Another SDK could silently ignore the settings in Shim.csproj that keep it small and its pages shared.
  [ "$(stat -c %s "$OUT/$BINARY")" -le $((8 * 1000 * 1000)) ] || die "$BINARY is larger than 8 MB"
  [ "$(od -An -tu2 -j16 -N2 "$OUT/$BINARY" | tr -d ' ')" = 2 ] ||
    die "$BINARY is not linked for a fixed address (ET_EXEC)"
  note "out/$BINARY: $(stat -c %s "$OUT/$BINARY" | numfmt --to=iec-i --suffix=B), symbols in $BINARY.dbg"
}

rid() {
  case $(uname -m) in
    x86_64) echo linux-x64 ;;
    aarch64) echo linux-arm64 ;;
    *) die "unsupported architecture: $(uname -m)" ;;
  esac
}

install_binary() {
  local prefix=${1:-/usr/local}
  [ -x "$OUT/$BINARY" ] || build
  install -D -m 0755 "$OUT/$BINARY" "$prefix/bin/$BINARY"
  note "installed $prefix/bin/$BINARY"
}

clean() {
  say "Removing build output"
  rm -rf "$OUT"
  find src tests -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} +
}

# --- test -------------------------------------------------------------------------------------------------------------

readonly TEST_PROJECTS=(Ttrpc.Tests Linux.Tests Shim.Tests Fuzz EndToEnd)

run_tests() {
  need_root test
  build
  tools
  image
  local project passed=0 failed=0 skipped=0 status=0
  if [ $# = 0 ]; then
    if lint; then passed=1; else failed=1; fi
  fi
  say "Testing with $(tested_programs)"
  say "Compiling the tests"
  for project in "${TEST_PROJECTS[@]}"; do
    dotnet build "tests/$project" -c Release -v quiet -nologo -clp:NoSummary
  done
  local filter=()
  [ $# = 0 ] || filter=(-method "*$1*")
  local log; log=$(mktemp)
  for project in "${TEST_PROJECTS[@]}"; do
    say "Running $project"
    "tests/$project/bin/Release/net10.0/$project" -noLogo -noColor "${filter[@]}" 2>&1 |
      tee "$log" | show_progress || true
    count_tests "$project" "$log"
  done
  if [ $# = 0 ] && vm_is_possible; then
    vm_boot 2>&1 | tee "$log" | show_progress || true
    count_tests "the virtual machine" "$log"
  fi
  if [ $# = 0 ]; then
    say "Running every benchmark a few times, to see that it works"
    if dotnet run -c Release --project tests/Benchmarks -v quiet -- --short >"$log" 2>&1; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1)); tail -n 20 "$log"
    fi
  fi
  rm -f "$log"
  [ $failed = 0 ] || status=1
  [ $((passed + failed)) -gt 0 ] || { note "no test matches ${1:-}"; status=1; }
  echo "$passed passed, $failed failed, $skipped skipped"
  return $status
}

# count_tests WHAT LOG: adds the counts in a test program's output to those of the caller.
count_tests() {
  local summary counts total errors bad left
  # "   Linux.Tests  Total: 155, Errors: 0, Failed: 1, Skipped: 0, Not Run: 0, Time: 9.356s"
  summary=$(grep -E '^ *[A-Za-z.]+ +Total: [0-9]+' "$2" | tail -n 1) || true
  counts=$(sed -nE 's/.*Total: ([0-9]+), Errors: ([0-9]+), Failed: ([0-9]+), Skipped: ([0-9]+).*/\1 \2 \3 \4/p' \
    <<<"$summary")
  if [ -z "$counts" ]; then
    grep -q 'No test' "$2" || { note "$1 printed no summary"; failed=$((failed + 1)); }
    return
  fi
  read -r total errors bad left <<<"$counts"
  note "$summary"
  passed=$((passed + total - bad - left)) failed=$((failed + bad + errors)) skipped=$((skipped + left))
}

vm() {
  need_root vm
  build
  tools
  image
  vm_is_possible || die "the virtual machine is an x86-64 one and needs containerd 2.1 and runsc in .tools"
  say "Compiling the tests"
  dotnet build tests/EndToEnd -c Release -v quiet -nologo -clp:NoSummary
  local log passed=0 failed=0 skipped=0; log=$(mktemp)
  vm_boot "$@" 2>&1 | tee "$log" || true
  count_tests "the virtual machine" "$log"
  rm -f "$log"
  echo "$passed passed, $failed failed, $skipped skipped"
  [ $failed = 0 ] && [ $passed -gt 0 ]
}

soak() {
  need_root soak
  local minutes=${1:-10}
  [[ $minutes =~ ^[1-9][0-9]*$ ]] || die "minutes must be a number above 0, not $minutes"
  build
  tools
  image
  say "Compiling the tests"
  dotnet build tests/EndToEnd -c Release -v quiet -nologo -clp:NoSummary
  say "Soaking for $minutes min with $(tested_programs)"
  SOAK_MINUTES=$minutes tests/EndToEnd/bin/Release/net10.0/EndToEnd -noLogo -noColor -explicit only \
    -class EndToEnd.Model.SoakTests
}

# "containerd 1.6.20~ds1, containerd 1.7.24~ds1, …, runsc 0.0~20240729.0"
tested_programs() {
  local containerd list=""
  for containerd in ${CONTAINERD:-"$TOOLS"/containerd-[0-9]*[0-9]/usr/bin/containerd}; do
    list+="containerd $("$containerd" --version | awk '{print $3}'), "
  done
  echo "${list}runsc $("${RUNSC:-$TOOLS/runsc/usr/bin/runsc}" --version | awk 'NR == 1 {print $3}')"
}

# Keeps failures and skipped tests with their reasons.
show_progress() {
  grep -vE '^ *(Discover|Starting|Finished|=== TEST|  *[A-Za-z.]+ +Total:)' || true
}

# --- demo -------------------------------------------------------------------------------------------------------------

demo() {
  need_root demo
  build
  tools
  image
  bash "$ROOT/tests/Demo/demo.sh"
}

bench() {
  need_root bench
  build
  tools
  image
  say "Measuring this shim, containerd's runc shim and raw runsc"
  dotnet run -c Release --project tests/Benchmarks -v quiet -- "$@"
}

case ${1:-help} in
  build) build ;;
  demo) demo ;;
  lint) lint ;;
  test) shift; run_tests "$@" ;;
  vm) shift; vm "$@" ;;
  fuzz) shift; fuzz "$@" ;;
  soak) shift; soak "$@" ;;
  bench) shift; bench "$@" ;;
  tools) tools; image ;;
  install) shift; install_binary "$@" ;;
  clean) clean ;;
  help|-h|--help) usage ;;
  *) usage >&2; exit 2 ;;
esac
