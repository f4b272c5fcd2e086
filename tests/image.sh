# The test image, sourced by build.sh. An OCI image layout that `ctr images import` reads: busybox only, nothing is
# pulled. It has two tags; the second image sleeps until it is killed, as the first container of a pod must.
# shellcheck shell=bash

readonly IMAGE=localhost/busybox:test PAUSE_IMAGE=localhost/pause:test

image() {
  local tar=$TOOLS/image.tar
  [ "$tar" -nt "$TOOLS/busybox/.packages" ] && [ "$tar" -nt "$ROOT/tests/image.sh" ] && return 0
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
  manifests=$(manifest "$work" "$layer" "$IMAGE" '"Cmd":["/bin/sh"]')
  manifests+=,$(manifest "$work" "$layer" "$PAUSE_IMAGE" '"Entrypoint":["/bin/sleep","infinity"]')
  printf '{"schemaVersion":2,"manifests":[%s]}' "$manifests" >"$work/layout/index.json"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$work/layout/oci-layout"
  tar -C "$work/layout" -cf "$tar" .
  rm -rf "$work"
}

# manifest WORK LAYER TAG COMMAND: stores an image of this layer and command, prints its entry for the index.
manifest() {
  local config manifest media=application/vnd.oci.image
  cat >"$1/config" <<EOF
{"architecture":"$(dpkg --print-architecture)","os":"linux","config":{"Env":["PATH=/bin"],$4,"WorkingDir":"/"},
"rootfs":{"type":"layers","diff_ids":["sha256:$2"]}}
EOF
  config=$(blob "$1" "$1/config")
  cat >"$1/manifest" <<EOF
{"schemaVersion":2,"mediaType":"$media.manifest.v1+json",
"config":{"mediaType":"$media.config.v1+json","digest":"sha256:$config","size":$(stat -c %s "$1/config")},
"layers":[{"mediaType":"$media.layer.v1.tar","digest":"sha256:$2","size":$(stat -c %s "$1/layer")}]}
EOF
  manifest=$(blob "$1" "$1/manifest")
  cat <<EOF
{"mediaType":"$media.manifest.v1+json","digest":"sha256:$manifest","size":$(stat -c %s "$1/manifest"),
"annotations":{"io.containerd.image.name":"$3"}}
EOF
}

# blob WORK FILE: stores the file under its digest, prints the digest.
blob() {
  local digest; digest=$(sha256sum "$2" | cut -d' ' -f1)
  cp "$2" "$1/layout/blobs/sha256/$digest"
  echo "$digest"
}
