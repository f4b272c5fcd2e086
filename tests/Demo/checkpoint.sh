# The last part of the demo, sourced by demo.sh: a pod that counts in memory and in its volume is checkpointed, killed
# and restored as another pod. Both are made with `ctr`, with the annotations that containerd's CRI would add.
# shellcheck shell=bash disable=SC2012 # ls, because its output is what people know
# shellcheck disable=SC2153,SC2154 # demo.sh sets IMAGE, pod.sh sets mount

NEW_UID=$(cat /proc/sys/kernel/random/uuid)
readonly NEW_UID IMAGES=$WORK/images
readonly NEW_VOLUME=$WORK/kubelet/pods/$NEW_UID/volumes/kubernetes.io~empty-dir/data
# shellcheck disable=SC2016 # the container's shell expands it
readonly COUNTING='i=0; while :; do i=$((i+1)); echo $i >/tmp/count; echo $i >/data/count; sleep 0.05; done'

# in_new_pod TYPE ARGUMENTS...: like in_pod, for the restored pod.
in_new_pod() {
  local type=$1; shift
  run -d --annotation "io.kubernetes.cri.container-type=$type" --annotation io.kubernetes.cri.sandbox-id=pod2 \
    --annotation "io.kubernetes.cri.sandbox-uid=$NEW_UID" \
    --annotation "dev.gvisor.internal.restore.host-image-path=$IMAGES/counter" "$@"
}

# containerd before 2.0 does not pass the image path on to the shim, so runsc is called directly.
save() {
  case $(ctr version | awk '/^Server/{s=1} s && /Version/{print $2; exit}') in
    1.*|v1.*)
      "$RUNSC" --root="$WORK/runsc/$CONTAINERD_NAMESPACE" \
        checkpoint --leave-running --image-path="$IMAGES/counter" pod ;;
    *) ctr tasks checkpoint --image-path "$IMAGES/counter" counter ;;
  esac
}

exec_is_rejected() { ! inside "$1" true >/dev/null 2>&1; }

count_in() { inside "$1" cat "$2"; }

say "16. Run a pod that counts in memory and in its emptyDir on disk"
show "ctr run -d … pod; ctr run -d --mount … counter sh -c 'while …: count, write it to /tmp/count and /data/count'"
begin
in_pod sandbox "$PAUSE_IMAGE" pod
in_pod container --annotation io.kubernetes.cri.container-name=counter --mount "$mount" \
  "$IMAGE" counter sh -c "$COUNTING"
took
sleep 3
echo "    it has counted to $(count_in counter /tmp/count)"

say "17. Checkpoint it: memory, processes and the volume go into one directory"
show "ctr tasks checkpoint --image-path \$IMAGES/counter counter"
begin
save
took
saved=$(count_in counter /tmp/count)
echo "    it is still running, at $saved now. The image:"
(cd "$IMAGES/counter" && stat -c '%a %s %n' -- *) | awk '{printf "    %-16s %8.1f KiB, mode %s\n", $3, $2 / 1024, $1}'

say "18. Kill it, with its sandbox and its volume"
show "ctr tasks kill -s KILL counter; …; same for the sandbox"
begin
stop counter pod
took
check "the volume's directory is empty" [ -z "$(all_names_in "$VOLUME")" ]

say "19. Run another pod, with its own directories, restored from the image"
echo "    Its annotation: dev.gvisor.internal.restore.host-image-path=\$IMAGES/counter"
echo "    restore_root in the shim's configuration allows it."
mkdir -p "$NEW_VOLUME"
chmod 777 "$NEW_VOLUME"
show "ctr run -d … pod2; ctr tasks ls"
begin
in_new_pod sandbox "$PAUSE_IMAGE" pod2
took
ctr tasks ls | indent
echo "    Nothing in the sandbox runs until all its containers have been created, though its state is RUNNING:"
grep -o 'msg="sandbox is being restored.*' "$WORK/log" | tail -n 1 | sed "s|$WORK|…|g" | indent
check "the sandbox's state is RUNNING" [ "$(state_of pod2)" = RUNNING ]
check "an exec in it is rejected" exec_is_rejected pod2
show "ctr run -d --mount … counter2 sh -c '…'"
begin
in_new_pod container --annotation io.kubernetes.cri.container-name=counter --mount "${mount/$VOLUME/$NEW_VOLUME}" \
  "$IMAGE" counter2 sh -c "$COUNTING"
took

say "20. It continues where it was"
sleep 0.5
memory_count=$(count_in counter2 /tmp/count) volume_count=$(count_in counter2 /data/count)
echo "    $memory_count in memory, $volume_count in the volume; a new pod would be at about 10"
check "the counter continued" [ $((memory_count > saved - 20 && memory_count > 30)) = 1 ]
check "the counter in the volume continued" [ $((volume_count >= memory_count)) = 1 ]
show "ls -la \$NEW_VOLUME"
ls -la "$NEW_VOLUME" | indent

say "21. Delete the restored pod like any other"
begin
stop counter2 pod2
took
check "the directory is empty again" [ -z "$(all_names_in "$NEW_VOLUME")" ]
check "nothing is left over" nothing_is_left
