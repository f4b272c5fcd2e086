# shellcheck shell=bash
# Sourced by build.sh: a virtual machine with cgroup v2 and a root that has all capabilities, as most nodes are, for the
# tests to which that matters. It needs no KVM. Its disk is made anew from this machine's programs, .tools and the tests.

readonly VM=$ROOT/.tools/vm VM_MEMORY_MIB=6000 VM_DISK_MIB=3000 VM_BOUND=15m

# The name of the package is that of the kernel's version.
vm_kernel_package() {
  apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

vm_tools() {
  command -v qemu-system-x86_64 >/dev/null || apt_install qemu-system-x86
  command -v mkfs.ext4 >/dev/null || apt_install e2fsprogs
  [ -e "$VM/kernel/.complete" ] && return
  local package; package=$(vm_kernel_package)
  [ -n "$package" ] || { apt-get update >/dev/null; package=$(vm_kernel_package); }
  [ -n "$package" ] || die "apt knows no linux-image-cloud-amd64"
  say "Downloading Debian's kernel into .tools (nothing is installed)"
  rm -rf "$VM/kernel"; mkdir -p "$VM/kernel"
  (cd "$VM/kernel" && apt-get -o APT::Sandbox::User=root download -qq "$package" && dpkg-deb -x ./*.deb . && rm -f ./*.deb)
  note "$package -> .tools/vm/kernel"
  touch "$VM/kernel/.complete"
}

# Copies programs to the disk, with the libraries that they need.
vm_copy() {
  local disk=$1 file library; shift
  for file in "$@"; do
    install -D "$file" "$disk$file"
    for library in $(ldd "$file" 2>/dev/null | grep -o '/[^ ]*'); do
      [ -e "$disk$library" ] || install -D "$library" "$disk$library"
    done
  done
}

vm_disk() {
  local disk=$VM/root dotnet modules
  dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
  rm -rf "$disk"
  mkdir -p "$disk"/{bin,sbin,usr/bin,usr/sbin,etc,proc,sys,dev,run,tmp,root,var/lib,var/run,lib/modules,sys/fs/cgroup}
  chmod 1777 "$disk/tmp"
  cp "$TOOLS/busybox/bin/busybox" "$disk/bin/"
  local applet
  for applet in $("$disk/bin/busybox" --list); do
    [ "$applet" = busybox ] || ln -sf busybox "$disk/bin/$applet"
  done
  echo 'root:x:0:0:root:/root:/bin/sh' >"$disk/etc/passwd"
  echo 'root:x:0:' >"$disk/etc/group"
  vm_copy "$disk" /usr/sbin/mkfs.ext4 /usr/lib/x86_64-linux-gnu/lib{ssl,crypto}.so.3
  # The runtime of the tests.
  mkdir -p "$disk$dotnet/shared"
  cp -a "$dotnet/dotnet" "$dotnet/host" "$disk$dotnet/"
  cp -a "$dotnet/shared/Microsoft.NETCore.App" "$disk$dotnet/shared/"
  vm_copy "$disk" "$dotnet"/shared/Microsoft.NETCore.App/*/libcoreclr.so
  mkdir -p "$disk/etc/dotnet"; echo "$dotnet" >"$disk/etc/dotnet/install_location"
  # This checkout, at the same place.
  mkdir -p "$disk$ROOT/.tools" "$disk$ROOT/tests/EndToEnd/bin/Release"
  cp "$ROOT/Shim.sln" "$disk$ROOT/"
  cp -a "$ROOT/out" "$disk$ROOT/"
  cp -a "$ROOT/tests/EndToEnd/bin/Release/net10.0" "$disk$ROOT/tests/EndToEnd/bin/Release/"
  local tool
  for tool in busybox cni containerd-2.1 criu filesystems image.tar network runc runsc; do
    cp -a "$TOOLS/$tool" "$disk$ROOT/.tools/"
  done
  for library in libc.so.6 libm.so.6; do [ -e "$disk/lib/x86_64-linux-gnu/$library" ] || install -D "/lib/x86_64-linux-gnu/$library" "$disk/lib/x86_64-linux-gnu/$library"; done
  modules=$(basename "$VM"/kernel/lib/modules/*)
  cp -a "$VM/kernel/lib/modules/$modules" "$disk/lib/modules/"
  "$disk/bin/busybox" depmod -b "$disk" "$modules"
  install -m 0755 "$ROOT/tests/vm/init" "$disk/init"
  cat >"$disk/vm.env" <<END
export CONTAINERD=$ROOT/.tools/containerd-2.1/usr/bin/containerd PATH=\$PATH:$ROOT/.tools/network/usr/sbin:$ROOT/.tools/network/sbin
TESTS=$ROOT/tests/EndToEnd/bin/Release/net10.0/EndToEnd
ARGUMENTS="$*"
END
  truncate -s "${VM_DISK_MIB}M" "$VM/disk.new"
  mkfs.ext4 -q -F -d "$disk" "$VM/disk.new"
  mv "$VM/disk.new" "$VM/disk"
  rm -rf "$disk"
}

vm_initramfs() {
  local at=$VM/initramfs
  local version; version=$(basename "$VM"/kernel/lib/modules/*)
  rm -rf "$at"; mkdir -p "$at"/{bin,dev,root,"lib/modules/$version"}
  cp "$TOOLS/busybox/bin/busybox" "$at/bin/"
  find "$VM/kernel/lib/modules" -name 'virtio*.ko' -exec cp -t "$at/lib/modules/$version" {} +
  "$at/bin/busybox" depmod -b "$at" "$version"
  install -m 0755 "$ROOT/tests/vm/initramfs-init" "$at/init"
  (cd "$at" && find . | "$at/bin/busybox" cpio -o -H newc 2>/dev/null) >"$VM/initramfs.cpio"
  rm -rf "$at"
}

# Boots it and runs the tests that these arguments of the test program select.
vm_run() {
  timeout "$VM_BOUND" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m "$VM_MEMORY_MIB" \
    -kernel "$VM"/kernel/boot/vmlinuz-* -initrd "$VM/initramfs.cpio" \
    -append "console=ttyS0 quiet panic=-1 psi=1 cgroup_no_v1=all" \
    -drive "file=$VM/disk,format=raw,if=virtio,cache=unsafe" -nic none -display none -no-reboot -serial stdio -monitor none
}
