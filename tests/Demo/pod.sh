# The demo's second part, sourced by demo.sh: a pod whose containers share an emptyDir that lives in the sandbox, on disk.
# `ctr` makes the pod, with the annotations that containerd's CRI would give it, from kubelet's directories as it makes them.

readonly MIB=1048576 WRITTEN_MIB=256
readonly POD_UID=$(cat /proc/sys/kernel/random/uuid)
readonly VOLUME=$WORK/kubelet/pods/$POD_UID/volumes/kubernetes.io~empty-dir/data
readonly TASKS=$WORK/state/io.containerd.runtime.v2.task/$CONTAINERD_NAMESPACE

# in_pod TYPE ARGUMENTS...: `ctr run -d` of a container of the pod.
in_pod() {
  local type=$1; shift
  run -d --annotation "io.kubernetes.cri.container-type=$type" --annotation io.kubernetes.cri.sandbox-id=pod \
    --annotation "io.kubernetes.cri.sandbox-uid=$POD_UID" --annotation dev.gvisor.spec.mount.data.share=pod "$@"
}

inside() { local container=$1; shift; ctr tasks exec --exec-id inside "$container" "$@"; }

bytes_on_disk() { echo $(($(stat -c %b "$1") * 512)); }
mib() { awk -v bytes="$1" 'BEGIN{printf "%.1f MiB", bytes / 1048576}'; }
all_names_in() { find "$1" -mindepth 1 -printf '%P\n'; }

# The bytes of memory that are the sandbox's own: its process's, and those of the files in memory that back its containers'.
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

say "8. A pod's emptyDir: a directory that kubelet makes on the node"
mkdir -p "$VOLUME"
chmod 777 "$VOLUME"
show "ls -la \$VOLUME   # $VOLUME"
ls -la "$VOLUME" | indent
echo "    It is empty, and on a disk: $(stat -f -c %T "$VOLUME")"
check "the directory is empty" [ -z "$(all_names_in "$VOLUME")" ]

say "9. The pod: a sandbox and two containers that mount it at /data"
echo "    Its annotation dev.gvisor.spec.mount.data.share=pod asks the shim to put the volume into the sandbox."
mount=type=bind,src=$VOLUME,dst=/data,options=rbind:rw
show "ctr run -d … pod; ctr run -d --mount $(sed "s|$VOLUME|\$VOLUME|" <<<"$mount") … writer; … reader"
begin
in_pod sandbox "$PAUSE_IMAGE" pod
in_pod container --mount "$mount" "$IMAGE" writer sleep 1000
in_pod container --mount "$mount" "$IMAGE" reader sleep 1000
took
ctr tasks ls | indent
shims=$(pgrep -c -f "^$SHIM .*$WORK" || true) sandboxes=$(pgrep -c -f "^runsc-sandbox .*$WORK" || true)
echo "    $shims shim and $sandboxes sandbox for all three"
check "one shim and one sandbox serve the pod" [ "$shims $sandboxes" = "1 1" ]
sandbox=$(ctr tasks ls | awk '$1 == "pod" {print $2}')

say "10. What the shim decided about the volume, and why"
show "containerd-shim-runsc-v1 explain --bundle …/reader"
begin
"$SHIM" explain --config "$WORK/runsc.toml" --bundle "$TASKS/reader" | tee "$WORK/explained" | indent
took
check "the volume is one for the pod, on disk" grep -q '^data  *pod-disk ' "$WORK/explained"

say "11. One container writes, the other reads at once, and answers"
show "ctr tasks exec … writer sh -c 'echo hello, reader >/data/letter'; ctr tasks exec … reader cat /data/letter; …"
begin
inside writer sh -c 'echo hello, reader >/data/letter'
inside reader cat /data/letter | tee "$WORK/letter" | indent
inside reader sh -c 'echo hello, writer >>/data/letter'
inside writer cat /data/letter | tee "$WORK/answer" | indent
took
check "the reader read what the writer wrote" [ "$(cat "$WORK/letter")" = "hello, reader" ]
check "the writer read the answer" [ "$(cat "$WORK/answer")" = $'hello, reader\nhello, writer' ]

say "12. On the node there is no letter, but one file: it holds the pages of the volume"
show "ls -la \$VOLUME"
ls -la "$VOLUME" | indent
store=$(echo "$VOLUME"/.gvisor.filestore.*)
check "the directory holds the file store and nothing else" [ "$(all_names_in "$VOLUME")" = "${store##*/}" ]
echo "    Its size is room for what is to come: on disk it takes $(($(bytes_on_disk "$store") / 1024)) KiB"

say "13. $WRITTEN_MIB MiB are written: to the disk, not into the sandbox's memory"
show "ctr tasks exec … writer dd if=/dev/urandom of=/data/big bs=1M count=$WRITTEN_MIB iflag=fullblock"
disk=$(bytes_on_disk "$store") memory=$(sandbox_memory)
begin
inside writer dd if=/dev/urandom of=/data/big bs=1M count=$WRITTEN_MIB iflag=fullblock 2>&1 | tail -n 1 | indent
took
sync "$store"
disk_after=$(bytes_on_disk "$store") memory_after=$(sandbox_memory)
grown=$((disk_after - disk)) memory_grown=$((memory_after - memory))
echo "    the file store on disk:   $(mib "$disk") before, $(mib "$disk_after") after: $(mib $grown) more"
echo "    the sandbox's own memory: $(mib "$memory") before, $(mib "$memory_after") after: $(mib $memory_grown) more"
check "the file store grew by what was written" [ $((grown >= WRITTEN_MIB * MIB && grown < (WRITTEN_MIB + 16) * MIB)) = 1 ]
check "the sandbox's memory stayed flat" [ $((memory_grown < 32 * MIB)) = 1 ]
for container in writer reader; do
  inside $container sha256sum /data/big | tee "$WORK/$container.sum" | sed "s/^/    $container: /"
done
check "both see the same file" cmp -s "$WORK/writer.sum" "$WORK/reader.sum"

say "14. A checkpoint of the whole pod, which goes on: the volume is in it"
show "runsc checkpoint --leave-running --compression=none --image-path=… pod"
begin
"$RUNSC" --root="$WORK/runsc/$CONTAINERD_NAMESPACE" checkpoint --leave-running --compression=none --image-path="$WORK/image" pod
took
(cd "$WORK/image" && stat -c '%s %n' -- *) | awk '{printf "    %-16s %8.1f MiB\n", $2, $1 / 1048576}'
image=$(find "$WORK/image" -type f -printf '%s\n' | awk '{all += $1} END{print all}')
echo "    the image: $(mib "$image"), of which $WRITTEN_MIB MiB are what was written to /data: random bytes, not to be made smaller"
check "the image holds the volume and little else" [ $((image >= WRITTEN_MIB * MIB && image < (WRITTEN_MIB + 64) * MIB)) = 1 ]
inside reader sha256sum /data/big | sed 's/^/    reader, still running: /' | tee "$WORK/still"
check "the pod runs on with its volume" grep -qF "$(cut -d' ' -f1 "$WORK/reader.sum")" "$WORK/still"
rm -rf "$WORK/image"

say "15. The end of the pod: the node's directory is as it was"
show "ctr tasks kill -s KILL writer; ctr tasks delete writer; …; the same for the reader and the sandbox"
begin
stop writer reader pod
took
show "ls -la \$VOLUME"
ls -la "$VOLUME" | indent
check "the directory is empty again" [ -z "$(all_names_in "$VOLUME")" ]
check "nothing is left" nothing_is_left
