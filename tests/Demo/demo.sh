#!/usr/bin/env bash
# Shows containers in gVisor under a private containerd, step by step. `./build.sh demo` runs it after the build.
# shellcheck disable=SC2012 # ls, because its output is what people know
set -euo pipefail

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
WORK=$(mktemp -d /var/tmp/shim-demo-XXXXXX) # on a disk; /tmp is in memory on many machines
readonly ROOT WORK TOOLS=$ROOT/.tools SHIM=$ROOT/out/containerd-shim-runsc-v1
readonly IMAGE=localhost/busybox:test PAUSE_IMAGE=localhost/pause:test
readonly RUNSC=${RUNSC:-$TOOLS/runsc/usr/bin/runsc}
# The cgroups' paths contain containerd's namespace. A unique one tells the demo's cgroups from all others.
export CONTAINERD_NAMESPACE=${WORK##*/}
containerd=${CONTAINERD:-}
for version in 2.1 1.7 1.6; do
  packaged=$TOOLS/containerd-$version/usr/bin/containerd
  [ -n "$containerd" ] || [ ! -x "$packaged" ] || containerd=$packaged
done
daemon=""

say()  { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '    \033[2m$ %s\033[0m\n' "$*"; }
indent() { sed 's/^/    /'; }

clean_up() {
  status=$?
  [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
  [ -z "$daemon" ] || wait "$daemon" 2>/dev/null || true
  for _ in $(seq 100); do pkill -KILL -f "$WORK" 2>/dev/null || break; sleep 0.05; done
  while read -r mount; do umount -l "$mount" 2>/dev/null || true; done < <(
    awk -v w="$WORK/" 'index($5, w) == 1 {print $5}' /proc/self/mountinfo | tac)
  find /sys/fs/cgroup -depth -type d -path "*/$CONTAINERD_NAMESPACE*" -exec rmdir {} + 2>/dev/null || true
  rm -rf "$WORK"
  if [ $status = 0 ]; then
    printf '\nThe demo succeeded.\n'
  else
    printf '\nThe demo failed (exit status %s).\n' "$status" >&2
  fi
  exit $status
}
trap clean_up EXIT
trap 'exit 130' INT TERM

ctr() { "$(dirname "$containerd")/ctr" -a "$WORK/c.sock" "$@"; }
run() { ctr run --runtime io.containerd.runsc.v1 --runtime-config-path "$WORK/runsc.toml" "$@"; }

# check CLAIM TEST...: ends the demo with an error if the test fails.
check() {
  local claim=$1; shift
  "$@" || { printf '    NOT TRUE: %s\n' "$claim" >&2; exit 1; }
}

# stop ID...: kills each of these containers, waits until it has stopped and deletes it.
stop() {
  local id
  for id; do
    ctr tasks kill -s KILL "$id"
    for _ in $(seq 200); do [ "$(state_of "$id")" = STOPPED ] && break; sleep 0.05; done
    ctr tasks delete "$id" 2>&1 | sed 's/.*msg=/    /' || true # its exit status is the container's
    ctr containers rm "$id"
  done
}

state_of() { ctr tasks ls | awk -v id="$1" '$1 == id {print $3}'; }

nothing_is_left() {
  local left mounts cgroups
  for _ in $(seq 100); do
    left=$(pgrep -f "$WORK" | grep -cvx "$daemon" || true)
    [ "$left" = 0 ] && break
    sleep 0.05
  done
  mounts=$(grep -c "$WORK/state" /proc/self/mountinfo || true)
  cgroups=$(find /sys/fs/cgroup -type d -path "*/$CONTAINERD_NAMESPACE/*" | wc -l)
  echo "    left over: $left processes, $mounts mounts, $cgroups cgroups"
  [ "$left $mounts $cgroups" = "0 0 0" ]
}

# took prints the time since begin.
begin() { began=$(date +%s%N); }
took() { printf '    (%s ms)\n' "$((($(date +%s%N) - began) / 1000000))"; }

say "1. Start a private containerd with this shim on its PATH"
cat >"$WORK/config.toml" <<EOF
version = 2
root = "$WORK/root"
state = "$WORK/state"
[grpc]
  address = "$WORK/c.sock"
[ttrpc]
  address = "$WORK/c.sock.ttrpc"
EOF
cat >"$WORK/runsc.toml" <<EOF
binary_name = "$RUNSC"
root = "$WORK/runsc"
kubelet_root = "$WORK/kubelet"
restore_root = "$WORK/images"
[runsc_config]
network = "none"
EOF
begin
LD_LIBRARY_PATH="$(echo "$TOOLS"/runc/usr/lib/*-linux-gnu)" PATH="$(dirname "$SHIM"):$PATH" \
  setsid "$containerd" -c "$WORK/config.toml" >"$WORK/log" 2>&1 </dev/null &
daemon=$!
for _ in $(seq 200); do ctr version >/dev/null 2>&1 && break; sleep 0.05; done
ctr version | awk '/^Server/{s=1} s && /Version/{print "    containerd " $2; exit}'
PATH="$(dirname "$RUNSC"):$PATH" "$SHIM" -v | indent
took

say "2. Import an image made of busybox; nothing is pulled"
begin
ctr images import "$TOOLS/image.tar" | indent
took

say "3. Run a container: it sees gVisor's kernel, not the machine's"
show "ctr run --rm --runtime io.containerd.runsc.v1 $IMAGE hello sh -c 'echo hello from gVisor; dmesg | head -n 3'"
begin
run --rm "$IMAGE" hello sh -c 'echo hello from gVisor; dmesg | head -n 3' | tee "$WORK/hello" | indent
took
grep -q 'Starting gVisor' "$WORK/hello"

say "4. Run a container in the background and list its processes"
show "ctr run -d $IMAGE web sleep 1000"
begin
run -d "$IMAGE" web sleep 1000
took
ctr tasks ls | indent
pgrep -f "$WORK" -a | awk '{n = split($2, p, "/"); print "    process " $1 ": " p[n]}' |
  grep -E 'shim-runsc|runsc-' || true
shim=$(pgrep -f "^$SHIM .*$WORK")
awk '/^Rss/ {r = $2} /^Private/ {p += $2}
  END {printf "    the shim: %.1f MB resident, %.1f MB of it private\n", r / 1024, p / 1024}' "/proc/$shim/smaps_rollup"

say "5. Run another process in it"
show "ctr tasks exec --exec-id e1 web sh -c 'echo inside; exit 7'"
begin
code=0
ctr tasks exec --exec-id e1 web sh -c 'echo inside; exit 7' | indent || code=$?
took
[ "$code" = 7 ] && echo "    exit code: $code"

if [ -t 0 ] && [ -t 1 ]; then
  say "6. Open a shell in it: look around, then type exit"
  show "ctr tasks exec -t --exec-id shell web sh"
  ctr tasks exec -t --exec-id shell web sh || true
else
  say "6. (Interactive shell skipped: not a terminal)"
fi

say "7. Kill and delete it; nothing is left over"
show "ctr tasks kill -s KILL web; ctr tasks delete web; ctr containers rm web"
begin
stop web
took
check "nothing is left over" nothing_is_left

# shellcheck source=tests/Demo/pod.sh
. "$ROOT/tests/Demo/pod.sh"
# shellcheck source=tests/Demo/checkpoint.sh
. "$ROOT/tests/Demo/checkpoint.sh"
