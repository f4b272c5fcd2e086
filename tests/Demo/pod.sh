# The second part of the demo, sourced by demo.sh: a pod whose containers share an emptyDir in the sandbox, on disk.
# The pod is made with `ctr`, with the annotations that containerd's CRI would add and a directory like kubelet's.
# shellcheck shell=bash disable=SC2012,SC2153 # ls, because its output is what people know; IMAGE is set by demo.sh

readonly MIB=1048576 WRITTEN_MIB=256
POD_UID=$(cat /proc/sys/kernel/random/uuid)
readonly POD_UID VOLUME=$WORK/kubelet/pods/$POD_UID/volumes/kubernetes.io~empty-dir/data
readonly TASKS=$WORK/state/io.containerd.runtime.v2.task/$CONTAINERD_NAMESPACE

# in_pod TYPE ARGUMENTS...: runs `ctr run -d` for a container of the pod.
in_pod() {
  local type=$1; shift
  run -d --annotation "io.kubernetes.cri.container-type=$type" --annotation io.kubernetes.cri.sandbox-id=pod \
    --annotation "io.kubernetes.cri.sandbox-uid=$POD_UID" --annotation dev.gvisor.spec.mount.data.share=pod "$@"
}

inside() { local container=$1; shift; ctr tasks exec --exec-id inside "$container" "$@"; }

bytes_on_disk() { echo $(($(stat -c %b "$1") * 512)); }
mib() { awk -v bytes="$1" 'BEGIN{printf "%.1f MiB", bytes / 1048576}'; }
all_names_in() { find "$1" -mindepth 1 -printf '%P\n'; }

# Prints the sandbox's private memory in bytes: its process's, and that of the memory files behind its containers.
sandbox_memory() {
  local bytes descriptor
  bytes=$(($(awk '/^RssAnon:/{print $2}' "/proc/$sandbox/status") * 1024))
  for descriptor in "/proc/$sandbox/fd/"*; do
    case $(readlink "$descriptor" || true) in
      /memfd:*) bytes=$((bytes + $(stat -L -c %b "$descriptor") * 512)) ;;
    esac
  done
  echo "$bytes"
}

say "8. Create a pod's emptyDir: a directory on the node, as kubelet does"
mkdir -p "$VOLUME"
chmod 777 "$VOLUME"
show "ls -la \$VOLUME   # $VOLUME"
ls -la "$VOLUME" | indent
echo "    It is empty and on a disk file system: $(stat -f -c %T "$VOLUME")"
check "the directory is empty" [ -z "$(all_names_in "$VOLUME")" ]

say "9. Run the pod: a sandbox, and two containers that mount the volume at /data"
echo "    Its annotation dev.gvisor.spec.mount.data.share=pod asks the shim to keep the volume in the sandbox."
mount=type=bind,src=$VOLUME,dst=/data,options=rbind:rw
show "ctr run -d … pod; ctr run -d --mount ${mount/$VOLUME/\$VOLUME} … writer; … reader"
begin
in_pod sandbox "$PAUSE_IMAGE" pod
in_pod container --mount "$mount" "$IMAGE" writer sleep 1000
in_pod container --mount "$mount" "$IMAGE" reader sleep 1000
took
ctr tasks ls | indent
shims=$(pgrep -c -f "^$SHIM .*$WORK" || true) sandboxes=$(pgrep -c -f "^runsc-sandbox .*$WORK" || true)
echo "    $shims shim and $sandboxes sandbox serve all three"
check "one shim and one sandbox serve the pod" [ "$shims $sandboxes" = "1 1" ]
sandbox=$(ctr tasks ls | awk '$1 == "pod" {print $2}')

say "10. Show what the shim decided about the volume, and why"
show "containerd-shim-runsc-v1 explain --bundle …/reader"
begin
"$SHIM" explain --config "$WORK/runsc.toml" --bundle "$TASKS/reader" | tee "$WORK/explained" | indent
took
check "the volume is shared by the pod, on disk" grep -q '^data  *pod-disk ' "$WORK/explained"

say "11. One container writes; the other reads it at once and replies"
show "ctr tasks exec … writer sh -c 'echo hello, reader >/data/letter'; ctr tasks exec … reader cat /data/letter; …"
begin
inside writer sh -c 'echo hello, reader >/data/letter'
inside reader cat /data/letter | tee "$WORK/letter" | indent
inside reader sh -c 'echo hello, writer >>/data/letter'
inside writer cat /data/letter | tee "$WORK/answer" | indent
took
check "the reader read what the writer wrote" [ "$(cat "$WORK/letter")" = "hello, reader" ]
check "the writer read the reply" [ "$(cat "$WORK/answer")" = $'hello, reader\nhello, writer' ]

say "12. The node's directory holds one file, with the pages of the volume, and not the letter"
show "ls -la \$VOLUME"
ls -la "$VOLUME" | indent
store=$(echo "$VOLUME"/.gvisor.filestore.*)
check "the directory holds the file store and nothing else" [ "$(all_names_in "$VOLUME")" = "${store##*/}" ]
echo "    It is sparse: it uses $(($(bytes_on_disk "$store") / 1024)) KiB on disk"

say "13. Write $WRITTEN_MIB MiB: they go to the disk, not into the sandbox's memory"
show "ctr tasks exec … writer dd if=/dev/urandom of=/data/big bs=1M count=$WRITTEN_MIB iflag=fullblock"
disk=$(bytes_on_disk "$store") memory=$(sandbox_memory)
begin
inside writer dd if=/dev/urandom of=/data/big bs=1M count=$WRITTEN_MIB iflag=fullblock 2>&1 | tail -n 1 | indent
took
sync "$store"
disk_after=$(bytes_on_disk "$store") memory_after=$(sandbox_memory)
grown=$((disk_after - disk)) memory_grown=$((memory_after - memory))
echo "    the file store on disk:   $(mib "$disk") before, $(mib "$disk_after") after: $(mib $grown) more"
echo "    the sandbox's memory:     $(mib "$memory") before, $(mib "$memory_after") after: $(mib $memory_grown) more"
check "the file store grew by the amount written" \
  [ $((grown >= WRITTEN_MIB * MIB && grown < (WRITTEN_MIB + 16) * MIB)) = 1 ]
check "the sandbox's memory did not grow" [ $((memory_grown < 32 * MIB)) = 1 ]
for container in writer reader; do
  inside $container sha256sum /data/big | tee "$WORK/$container.sum" | sed "s/^/    $container: /"
done
check "both see the same file" cmp -s "$WORK/writer.sum" "$WORK/reader.sum"

say "14. Checkpoint the whole pod, volume included, and leave it running"
show "runsc checkpoint --leave-running --compression=none --image-path=… pod"
begin
"$RUNSC" --root="$WORK/runsc/$CONTAINERD_NAMESPACE" \
  checkpoint --leave-running --compression=none --image-path="$WORK/image" pod
took
(cd "$WORK/image" && stat -c '%s %n' -- *) | awk '{printf "    %-16s %8.1f MiB\n", $2, $1 / 1048576}'
image=$(find "$WORK/image" -type f -printf '%s\n' | awk '{all += $1} END{print all}')
echo "    the image: $(mib "$image"), including the $WRITTEN_MIB MiB of random data written to /data"
check "the image holds the volume and little else" \
  [ $((image >= WRITTEN_MIB * MIB && image < (WRITTEN_MIB + 64) * MIB)) = 1 ]
inside reader sha256sum /data/big | sed 's/^/    reader, still running: /' | tee "$WORK/still"
check "the pod still runs with its volume" grep -qF "$(cut -d' ' -f1 "$WORK/reader.sum")" "$WORK/still"
rm -rf "$WORK/image"

say "15. Delete the pod: the node's directory is empty again"
show "ctr tasks kill -s KILL writer; ctr tasks delete writer; …; same for the reader and the sandbox"
begin
stop writer reader pod
took
show "ls -la \$VOLUME"
ls -la "$VOLUME" | indent
check "the directory is empty again" [ -z "$(all_names_in "$VOLUME")" ]
check "nothing is left over" nothing_is_left
