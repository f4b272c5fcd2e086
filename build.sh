#!/usr/bin/env bash
# Builds, demonstrates, tests, measures and installs containerd-shim-runsc-v1. `./build.sh help` lists the verbs.
#
# Nothing here changes the system beyond apt-get install of a compiler and linker where they are missing:
# the containerd, runsc and other programs that tests and demo run are unpacked under .tools/, never installed.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

readonly ROOT=$PWD TOOLS=$PWD/.tools OUT=$PWD/out
readonly BINARY=containerd-shim-runsc-v1
readonly IMAGE=localhost/busybox:test PAUSE_IMAGE=localhost/pause:test

say()  { printf '\033[1m==> %s\033[0m\n' "$*"; }
note() { printf '    %s\n' "$*"; }
die()  { printf 'build.sh: %s\n' "$*" >&2; exit 1; }

usage() {
  cat <<EOF
./build.sh VERB

  build            compile ./out/$BINARY with Native AOT
  demo             watch containers run in gVisor under a private containerd (root)
  test [FILTER]    build, then every test; FILTER is a part of a test's full name (root)
  bench [ARGS]     the shim beside containerd's runc shim and raw runsc (root)
  tools            unpack containerd 1.6, 1.7, 2.1, runsc and the rest under ./.tools
  install [PREFIX] copy the binary to PREFIX/bin (default /usr/local)
  clean            remove what was built (./.tools stays; remove it by hand)
  help             this text

CONTAINERD=/path/to/containerd (with ctr beside it) and RUNSC=/path/to/runsc make demo, test and bench use your own.
EOF
}

# --- what must be on the machine -------------------------------------------------------------------------------------

apt_install() {
  [ "$(id -u)" = 0 ] || die "missing: $*. Install them, or run this as root."
  say "Installing $*"
  apt-get install -y --no-install-recommends "$@" >/dev/null 2>&1 ||
    { apt-get update >/dev/null && apt-get install -y --no-install-recommends "$@" >/dev/null; } ||
    die "apt-get could not install: $*"
}

need_compiler() {
  local missing=()
  command -v dotnet >/dev/null || die "the .NET 10 SDK is missing: https://dotnet.microsoft.com/download"
  case $(dotnet --version) in 1[0-9].*) ;; *) die "the .NET 10 SDK is needed, found $(dotnet --version)";; esac
  command -v cc >/dev/null || missing+=(gcc libc6-dev)
  command -v objcopy >/dev/null || missing+=(binutils)
  [ -e /usr/include/zlib.h ] || missing+=(zlib1g-dev)
  [ ${#missing[@]} = 0 ] || apt_install "${missing[@]}"
}

need_root() { [ "$(id -u)" = 0 ] || die "$1 runs containers and needs root"; }

# --- tools: Debian's packages, unpacked side by side -----------------------------------------------------------------

# The mirror that this machine's own apt uses; any Debian release on it will do.
mirror() {
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' 2>/dev/null |
    awk '$3 == "main" && $4 == "Debian" && $2 !~ /-/ {print $1; exit}'
}

# apt with its lists, cache and sources under .tools/apt, and everything else (proxies, pins) as the machine has it.
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
  [ -n "$from" ] || die "found no Debian mirror in this machine's apt configuration; set CONTAINERD= and RUNSC= to use your own"
  mkdir -p "$TOOLS"/apt/{none,debs,state/lists/partial,cache/archives/partial}
  : >"$TOOLS/apt/status"
  local key=/usr/share/keyrings/debian-archive-keyring.gpg suite
  # Sid's index may be older than its validity where a mirror is a snapshot; the signature is checked all the same.
  for suite in bookworm bookworm-backports trixie sid; do
    echo "deb [signed-by=$key check-valid-until=no] $from $suite main"
  done >"$TOOLS/apt/sources.list"
  private_apt apt-get update -qq || note "some package lists could not be fetched; going on with those that could"
}

# unpack DIR SUITE PACKAGE...: DIR/ under .tools holds these packages' files. Fails, naming it, if one is not to be had.
unpack() {
  local dir=$TOOLS/$1 suite=$2 deb; shift 2
  local want="$suite: $*"
  [ "$(cat "$dir/.packages" 2>/dev/null)" = "$want" ] && return 0
  rm -rf "$dir" "$dir.new"; mkdir -p "$dir.new"
  # One call for all: each reads every package list.
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
  # directory, suite, packages
  cat <<EOF
containerd-1.6 bookworm containerd
containerd-1.7 trixie containerd
containerd-2.1 sid containerd
runsc bookworm-backports runsc
runc bookworm runc libseccomp2
busybox bookworm busybox-static
cni bookworm containernetworking-plugins
network bookworm iptables libip4tc2 libip6tc2 libxtables12 libmnl0 libnetfilter-conntrack3 libnfnetlink0 libnftnl11 iproute2 libbpf1 libelf1 libtirpc3 libcap2 libbsd0 libmd0
criu bookworm criu libbsd0 libmd0 libnet1 libnftables1 libnl-3-200 libprotobuf-c1 libnftnl11 libmnl0 libxtables12 libjansson4
go trixie $(go_packages)
EOF
}

# Go's own ttrpc and what it imports, for the conformance tests.
go_packages() {
  echo golang-1.24-go golang-1.24-src golang-github-containerd-ttrpc-dev golang-github-sirupsen-logrus-dev \
    golang-golang-x-sys-dev golang-google-genproto-dev golang-google-grpc-dev golang-google-protobuf-dev
}

tools() {
  local dir suite packages updated= missing=()
  while read -r dir suite packages; do
    [ "$(cat "$TOOLS/$dir/.packages" 2>/dev/null)" = "$suite: $packages" ] && continue
    if [ -z "$updated" ]; then
      say "Fetching Debian's packages into .tools (nothing is installed)"
      update_private_apt; updated=yes
    fi
    # shellcheck disable=SC2086 # packages is a list
    unpack "$dir" "$suite" $packages || missing+=("$dir")
  done < <(tools_wanted)
  rm -rf "$TOOLS/apt/debs"; mkdir -p "$TOOLS/apt/debs"
  [ ${#missing[@]} = 0 ] || note "not available: ${missing[*]} (their tests are skipped)"
  local versions; versions=$(find "$TOOLS" -maxdepth 1 -name 'containerd-*' -not -name '*.new' | wc -l)
  [ -n "${CONTAINERD:-}" ] || [ "$versions" -ge 2 ] || die "fewer than two containerd versions are available: ${missing[*]}"
  [ -n "${RUNSC:-}" ] || [ -x "$TOOLS/runsc/usr/bin/runsc" ] || die "no runsc: set RUNSC=/path/to/runsc"
}

# --- the test image ---------------------------------------------------------------------------------------------------

# An OCI image layout with busybox and nothing else, made here; `ctr images import` takes it. Nothing is pulled.
# It is tagged twice: the second image does nothing until it is killed, as the first container of a pod has to.
image() {
  local tar=$TOOLS/image.tar
  [ "$tar" -nt "$TOOLS/busybox/.packages" ] && [ "$tar" -nt "$ROOT/build.sh" ] && return 0
  say "Making the test image from busybox"
  local work; work=$(mktemp -d)
  mkdir -p "$work"/rootfs/{bin,etc,tmp,proc,sys,dev,root} "$work"/layout/blobs/sha256
  cp "$TOOLS/busybox/bin/busybox" "$work/rootfs/bin/"
  local applet
  for applet in $("$work/rootfs/bin/busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$work/rootfs/bin/$applet"
  done
  printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n' >"$work/rootfs/etc/passwd"
  printf 'root:x:0:\nuser:x:1000:\n' >"$work/rootfs/etc/group"
  chmod 1777 "$work/rootfs/tmp"
  tar -C "$work/rootfs" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$work/layer" .
  local layer manifests
  layer=$(blob "$work" "$work/layer")
  manifests=$(manifest "$work" "$layer" "$IMAGE" '"Cmd":["/bin/sh"]'),$(manifest "$work" "$layer" "$PAUSE_IMAGE" '"Entrypoint":["/bin/sleep","infinity"]')
  printf '{"schemaVersion":2,"manifests":[%s]}' "$manifests" >"$work/layout/index.json"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$work/layout/oci-layout"
  tar -C "$work/layout" -cf "$tar" .
  rm -rf "$work"
}

# manifest WORK LAYER TAG COMMAND: files an image of this layer and command, prints its entry in the index.
manifest() {
  local config manifest
  printf '{"architecture":"%s","os":"linux","config":{"Env":["PATH=/bin"],%s,"WorkingDir":"/"},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$(dpkg --print-architecture)" "$4" "$2" >"$1/config"
  config=$(blob "$1" "$1/config")
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%s","size":%s}]}' \
    "$config" "$(stat -c %s "$1/config")" "$2" "$(stat -c %s "$1/layer")" >"$1/manifest"
  manifest=$(blob "$1" "$1/manifest")
  printf '{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"io.containerd.image.name":"%s"}}' \
    "$manifest" "$(stat -c %s "$1/manifest")" "$3"
}

# blob WORK FILE: files it under its digest, prints the digest.
blob() {
  local digest; digest=$(sha256sum "$2" | cut -d' ' -f1)
  cp "$2" "$1/layout/blobs/sha256/$digest"
  echo "$digest"
}

# --- build ------------------------------------------------------------------------------------------------------------

build() {
  need_compiler
  say "Compiling $BINARY with Native AOT"
  local publish=$ROOT/src/Shim/bin/publish
  # Warnings are errors, the trimmer's and the AOT compiler's too.
  dotnet publish src/Shim/Shim.csproj -c Release -r "$(rid)" -o "$publish" -v quiet -nologo
  mkdir -p "$OUT"
  install -m 0755 "$publish/$BINARY" "$OUT/$BINARY"
  install -m 0644 "$publish/$BINARY.dbg" "$OUT/$BINARY.dbg"
  # What keeps it small and its pages shared (Shim.csproj) would be undone in silence by another SDK.
  [ "$(stat -c %s "$OUT/$BINARY")" -le $((8 * 1000 * 1000)) ] || die "$BINARY is larger than 8 MB"
  [ "$(od -An -tu2 -j16 -N2 "$OUT/$BINARY" | tr -d ' ')" = 2 ] || die "$BINARY is not linked for a fixed address (ET_EXEC)"
  note "out/$BINARY: $(stat -c %s "$OUT/$BINARY" | numfmt --to=iec-i --suffix=B), symbols beside it in $BINARY.dbg"
}

rid() {
  case $(uname -m) in
    x86_64) echo linux-x64 ;;
    aarch64) echo linux-arm64 ;;
    *) die "no Native AOT for $(uname -m)" ;;
  esac
}

install_binary() {
  local prefix=${1:-/usr/local}
  [ -x "$OUT/$BINARY" ] || build
  install -D -m 0755 "$OUT/$BINARY" "$prefix/bin/$BINARY"
  note "installed $prefix/bin/$BINARY"
}

clean() {
  say "Removing what was built"
  rm -rf "$OUT"
  find src tests -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} +
}

# --- test -------------------------------------------------------------------------------------------------------------

readonly TEST_PROJECTS=(Ttrpc.Tests Linux.Tests Shim.Tests EndToEnd)

run_tests() {
  need_root test
  build
  tools
  image
  say "Compiling the tests"
  local project passed=0 failed=0 skipped=0 summary counts status=0
  for project in "${TEST_PROJECTS[@]}"; do
    dotnet build "tests/$project" -c Release -v quiet -nologo -clp:NoSummary
  done
  local filter=()
  [ $# = 0 ] || filter=(-method "*$1*")
  local log; log=$(mktemp)
  for project in "${TEST_PROJECTS[@]}"; do
    say "Running $project"
    "tests/$project/bin/Release/net10.0/$project" -noLogo -noColor "${filter[@]}" 2>&1 | tee "$log" | show_progress || true
    # "   Linux.Tests  Total: 155, Errors: 0, Failed: 1, Skipped: 0, Not Run: 0, Time: 9.356s"
    summary=$(grep -E '^ *[A-Za-z.]+ +Total: [0-9]+' "$log" | tail -n 1)
    counts=$(sed -nE 's/.*Total: ([0-9]+), Errors: ([0-9]+), Failed: ([0-9]+), Skipped: ([0-9]+).*/\1 \2 \3 \4/p' <<<"$summary")
    if [ -z "$counts" ]; then
      grep -q 'No test' "$log" || { note "$project ended without a summary"; failed=$((failed + 1)); }
      continue
    fi
    local total errors bad left; read -r total errors bad left <<<"$counts"
    note "$summary"
    passed=$((passed + total - bad - left)) failed=$((failed + bad + errors)) skipped=$((skipped + left))
  done
  if [ $# = 0 ]; then
    say "Running every benchmark, a few times each: whether it works, not how fast it is"
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

# Failures with what they say, and skips with why; not the rest.
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
  say "Measuring: this shim, containerd's runc shim, raw runsc"
  dotnet run -c Release --project tests/Benchmarks -v quiet -- "$@"
}

case ${1:-help} in
  build) build ;;
  demo) demo ;;
  test) shift; run_tests "$@" ;;
  bench) shift; bench "$@" ;;
  tools) tools; image ;;
  install) shift; install_binary "$@" ;;
  clean) clean ;;
  help|-h|--help) usage ;;
  *) usage >&2; exit 2 ;;
esac
