# shellcheck shell=bash
# A virtual machine with cgroup v2 and a root that has all capabilities, as most nodes are, for the tests to which that
# matters: those with the attribute VirtualMachine. It needs no KVM. Its disk is made anew each time from this machine's
# programs, .tools and the compiled tests. Sourced by build.sh.

readonly VM=$TOOLS/vm VM_MEMORY_MIB=6000 VM_DISK_MIB=3000 VM_BOUND=20m
readonly VM_TOOLS=(busybox cni containerd-2.1 criu filesystems image.tar network runc runsc)

vm_is_possible() {
  [ "$(uname -m)" = x86_64 ] && [ -e "$TOOLS/containerd-2.1" ] && [ -e "$TOOLS/runsc" ]
}

# vm_boot [FILTER]: boots it, runs the tests in it, or only those whose full name contains FILTER, and powers it off.
# Prints what the test program prints.
vm_boot() {
  local select="-trait node=vm"
  [ $# = 0 ] || select="-trait node=vm -method *$1*"
  vm_tools
  say "Making the virtual machine's disk"
  vm_disk "$select"
  vm_initramfs
  say "Running EndToEnd in a virtual machine with cgroup v2"
  # The kernel says "quiet" things on the console, too; the end of a line is CR LF there.
  timeout "$VM_BOUND" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m "$VM_MEMORY_MIB" \
    -kernel "$VM"/kernel/boot/vmlinuz-* -initrd "$VM/initramfs.cpio" \
    -append "console=ttyS0 quiet loglevel=0 panic=-1 psi=1 cgroup_no_v1=all" \
    -drive "file=$VM/disk,format=raw,if=virtio,cache=unsafe" -nic none -display none -no-reboot \
    -serial stdio -monitor none </dev/null | tr -d '\r' || note "the virtual machine did not power off"
  rm -f "$VM/disk"
}

# The name of the package is that of the kernel's version.
vm_kernel_package() {
  apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' |
    head -n 1
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
  (cd "$VM/kernel" && apt-get -o APT::Sandbox::User=root download -qq "$package" >/dev/null &&
    dpkg-deb -x ./*.deb . && rm -f ./*.deb) || die "apt-get could not download $package"
  note "$package -> .tools/vm/kernel"
  touch "$VM/kernel/.complete"
}

# vm_copy DISK FILE...: copies programs and libraries to the disk, with the libraries that they need.
vm_copy() {
  local disk=$1 file library; shift
  for file; do
    install -D "$file" "$disk$file"
    for library in $(ldd "$file" 2>/dev/null | grep -o '/[^ ]*'); do
      [ -e "$disk$library" ] || install -D "$library" "$disk$library"
    done
  done
}

# vm_disk SELECT: makes the disk; SELECT are the arguments of the test program.
vm_disk() {
  local disk=$VM/root dotnet version applet tool
  rm -rf "$disk" "$VM/disk"
  mkdir -p "$disk"/{bin,sbin,usr/bin,usr/sbin,etc/dotnet,proc,sys,dev,run,tmp,root,var/lib,lib/modules}
  chmod 1777 "$disk/tmp"
  echo 'root:x:0:0:root:/root:/bin/sh' >"$disk/etc/passwd"
  echo 'root:x:0:' >"$disk/etc/group"
  echo '127.0.0.1 localhost vm' >"$disk/etc/hosts"
  : >"$disk/etc/resolv.conf"
  cp "$TOOLS/busybox/bin/busybox" "$disk/bin/"
  for applet in $("$disk/bin/busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$disk/bin/$applet"
  done
  # The runtime of the tests, and what it loads by name.
  dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
  mkdir -p "$disk$dotnet/shared"
  cp -a "$dotnet/dotnet" "$dotnet/host" "$disk$dotnet/"
  cp -a "$dotnet/shared/Microsoft.NETCore.App" "$disk$dotnet/shared/"
  echo "$dotnet" >"$disk/etc/dotnet/install_location"
  vm_copy "$disk" "$dotnet"/shared/Microsoft.NETCore.App/*/libcoreclr.so \
    /usr/lib/x86_64-linux-gnu/lib{ssl,crypto}.so.3 "$(command -v mkfs.ext4)" "$OUT/$BINARY"
  # This checkout, at the same place.
  mkdir -p "$disk$TOOLS" "$disk$ROOT/tests/EndToEnd/bin/Release"
  cp "$ROOT/Shim.sln" "$disk$ROOT/"
  cp -a "$ROOT/tests/EndToEnd/bin/Release/net10.0" "$disk$ROOT/tests/EndToEnd/bin/Release/"
  for tool in "${VM_TOOLS[@]}"; do
    [ ! -e "$TOOLS/$tool" ] || cp -a "$TOOLS/$tool" "$disk$TOOLS/"
  done
  version=$(basename "$VM"/kernel/lib/modules/*)
  cp -a "$VM/kernel/lib/modules/$version" "$disk/lib/modules/"
  "$disk/bin/busybox" depmod -b "$disk" "$version"
  install -m 0755 "$ROOT/tests/vm/init" "$disk/init"
  cat >"$disk/vm.env" <<END
export CONTAINERD=$TOOLS/containerd-2.1/usr/bin/containerd
export PATH=\$PATH:$TOOLS/network/usr/sbin:$TOOLS/network/sbin
cd $ROOT
TESTS=$ROOT/tests/EndToEnd/bin/Release/net10.0/EndToEnd
SELECT="$1"
END
  truncate -s "${VM_DISK_MIB}M" "$VM/disk"
  mkfs.ext4 -q -F -d "$disk" "$VM/disk"
  rm -rf "$disk"
}

# What finds the disk.
vm_initramfs() {
  local at=$VM/initramfs version; version=$(basename "$VM"/kernel/lib/modules/*)
  rm -rf "$at"; mkdir -p "$at"/{bin,dev,root,"lib/modules/$version"}
  cp "$TOOLS/busybox/bin/busybox" "$at/bin/"
  find "$VM/kernel/lib/modules" -name 'virtio*.ko' -exec cp -t "$at/lib/modules/$version" {} +
  "$at/bin/busybox" depmod -b "$at" "$version"
  install -m 0755 "$ROOT/tests/vm/initramfs-init" "$at/init"
  (cd "$at" && find . | ./bin/busybox cpio -o -H newc 2>/dev/null) >"$VM/initramfs.cpio"
  rm -rf "$at"
}
