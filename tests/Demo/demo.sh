#!/usr/bin/env bash
# Shows containers in gVisor under a private containerd, step by step. Run by `./build.sh demo`, after the build.
set -euo pipefail

readonly ROOT=$(cd "$(dirname "$0")/../.." && pwd)
readonly TOOLS=$ROOT/.tools SHIM=$ROOT/out/containerd-shim-runsc-v1 IMAGE=localhost/busybox:test PAUSE_IMAGE=localhost/pause:test
readonly WORK=$(mktemp -d /var/tmp/shim-demo-XXXXXX) # on a disk, where many a machine has its /tmp in memory
readonly RUNSC=${RUNSC:-$TOOLS/runsc/usr/bin/runsc}
# containerd's namespace is a part of the names of cgroups: one of its own, apart from whatever else the machine runs.
export CONTAINERD_NAMESPACE=${WORK##*/}
containerd=${CONTAINERD:-}
for version in 2.1 1.7 1.6; do
  [ -n "$containerd" ] || [ ! -x "$TOOLS/containerd-$version/usr/bin/containerd" ] || containerd=$TOOLS/containerd-$version/usr/bin/containerd
done
daemon=

say()  { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '    \033[2m$ %s\033[0m\n' "$*"; }
indent() { sed 's/^/    /'; }

clean_up() {
  status=$?
  [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
  [ -z "$daemon" ] || wait "$daemon" 2>/dev/null || true
  for _ in $(seq 100); do pkill -KILL -f "$WORK" 2>/dev/null || break; sleep 0.05; done
  while read -r mount; do umount -l "$mount" 2>/dev/null || true; done < <(awk -v w="$WORK/" 'index($5, w) == 1 {print $5}' /proc/self/mountinfo | tac)
  find /sys/fs/cgroup -depth -type d -path "*/$CONTAINERD_NAMESPACE*" -exec rmdir {} + 2>/dev/null || true
  rm -rf "$WORK"
  [ $status = 0 ] && printf '\nThe demo went well.\n' || printf '\nThe demo failed (exit status %s).\n' "$status" >&2
  exit $status
}
trap clean_up EXIT
trap 'exit 130' INT TERM

ctr() { "$(dirname "$containerd")/ctr" -a "$WORK/c.sock" "$@"; }
run() { ctr run --runtime io.containerd.runsc.v1 --runtime-config-path "$WORK/runsc.toml" "$@"; }

# check CLAIM TEST...: the demo fails unless what it says is so.
check() {
  local claim=$1; shift
  "$@" || { printf '    NOT SO: %s\n' "$claim" >&2; exit 1; }
}

# stop ID...: kills these containers, waits for their end and deletes them, one after the other.
stop() {
  local id
  for id; do
    ctr tasks kill -s KILL "$id"
    for _ in $(seq 200); do [ "$(ctr tasks ls | awk -v id="$id" '$1 == id {print $3}')" = STOPPED ] && break; sleep 0.05; done
    ctr tasks delete "$id" 2>&1 | sed 's/.*msg=/    /' || true # its exit status is the container's
    ctr containers rm "$id"
  done
}

nothing_is_left() {
  local left mounts cgroups
  for _ in $(seq 100); do
    left=$(pgrep -f "$WORK" | grep -cvx "$daemon" || true)
    [ "$left" = 0 ] && break
    sleep 0.05
  done
  mounts=$(grep -c "$WORK/state" /proc/self/mountinfo || true)
  cgroups=$(find /sys/fs/cgroup -type d -path "*/$CONTAINERD_NAMESPACE/*" | wc -l)
  echo "    $left processes, $mounts mounts and $cgroups cgroups of it are left"
  [ "$left $mounts $cgroups" = "0 0 0" ]
}

# begin, then took: how long what is between them took.
took() { printf '    (%s ms)\n' "$((($(date +%s%N) - began) / 1000000))"; }
begin() { began=$(date +%s%N); }

say "1. A containerd of our own, with this shim on its PATH"
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

say "2. An image made of busybox; nothing is pulled"
begin
ctr images import "$TOOLS/image.tar" | indent
took

say "3. A container: the kernel that it sees is gVisor's, not this machine's"
show "ctr run --rm --runtime io.containerd.runsc.v1 $IMAGE hello sh -c 'echo hello from gVisor; dmesg | head -n 3'"
begin
run --rm "$IMAGE" hello sh -c 'echo hello from gVisor; dmesg | head -n 3' | tee "$WORK/hello" | indent
took
grep -q 'Starting gVisor' "$WORK/hello"

say "4. A container that stays, and the processes that make it"
show "ctr run -d $IMAGE web sleep 1000"
begin
run -d "$IMAGE" web sleep 1000
took
ctr tasks ls | indent
pgrep -f "$WORK" -a | awk '{n = split($2, p, "/"); print "    process " $1 ": " p[n]}' | grep -E 'shim-runsc|runsc-' || true
shim=$(pgrep -f "^$SHIM .*$WORK")
awk '/^Rss/{r=$2} /^Private/{p+=$2} END{printf "    the shim: %.1f MB resident, %.1f MB of it private\n", r/1024, p/1024}' "/proc/$shim/smaps_rollup"

say "5. A further process in it"
show "ctr tasks exec --exec-id e1 web sh -c 'echo inside; exit 7'"
begin
code=0
ctr tasks exec --exec-id e1 web sh -c 'echo inside; exit 7' | indent || code=$?
took
[ "$code" = 7 ] && echo "    its exit code came through: $code"

if [ -t 0 ] && [ -t 1 ]; then
  say "6. A shell in it: look around, then type exit"
  show "ctr tasks exec -t --exec-id shell web sh"
  ctr tasks exec -t --exec-id shell web sh || true
else
  say "6. (No terminal here, so no interactive shell.)"
fi

say "7. Killed, deleted, and nothing left"
show "ctr tasks kill -s KILL web; ctr tasks delete web; ctr containers rm web"
begin
stop web
took
check "nothing is left" nothing_is_left

. "$ROOT/tests/Demo/pod.sh"
. "$ROOT/tests/Demo/checkpoint.sh"
