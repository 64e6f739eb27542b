#!/usr/bin/env bash
# Builds Coppice's minimal guest: Debian's cloud kernel, busybox, qemu-guest-agent and busybox httpd.
# Debian packages are downloaded and unpacked in a temporary folder; nothing is installed on this machine.
set -Eeuo pipefail
trap 'echo "build-minimal.sh: failed at $(basename "${BASH_SOURCE[0]}") line $LINENO: $BASH_COMMAND" >&2' ERR
shopt -s inherit_errexit
export LC_ALL=C
# Where Debian keeps mke2fs and debugfs; a plain user's PATH lacks it.
export PATH=$PATH:/usr/sbin:/sbin
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/lib/cache.sh"
. "$here/lib/packages.sh"
. "$here/lib/kernel.sh"
. "$here/lib/image.sh"
. "$here/lib/uefi.sh"

usage() {
  cat <<'USAGE'
Usage: build-minimal.sh [--disk-mib N] [--uefi] [--quiet] OUTDIR

Builds a small virtual machine into OUTDIR:
  vmlinux        kernel, uncompressed (QEMU starts it fastest, through its PVH entry)
  vmlinuz        the same kernel as Debian packs it (Xen, boot loaders)
  initrd.img     busybox and the drivers that find the root disk (virtio and Xen)
  disk.qcow2     root file system, labelled 'coppice'
  uefi.qcow2     with --uefi: a disk that UEFI boots by itself, with kernel, initrd and root file system in two partitions
  manifest.json  sha256 of each file, kernel version, package versions

These names are links into OUTDIR/builds/KEY, where KEY is a digest of every package, of this builder and
of its options: the same inputs give the same bytes and are built once; a link moves only when a build is whole.
Earlier builds stay, as something may still use them; they can be deleted when nothing does.

Options:
  --disk-mib N   size of the root disk in MiB (default 64)
  --uefi         make uefi.qcow2, too, an initrd that also finds disks at a SCSI controller, and drivers of CDs on the disks; needs
                 mkfs.vfat, mtools and sfdisk besides
  --quiet        print nothing but errors
  --help         this text

Needs apt-get, dpkg-deb, tar, cpio, mke2fs, debugfs, qemu-img, flock, and lz4, zstd or xz: whichever the kernel
is compressed with. Runs as root or as any user. Standard output: the folder of the finished build.
USAGE
}

fail() { printf 'build-minimal.sh: %s\n' "$1" >&2; exit 1; }
say() { [ "$quiet" = yes ] || printf '%s\n' "$1" >&2; }

quiet=no
uefi=no
disk_mib=64
out=
# Fixed, so that files get the same time stamps in every build (https://reproducible-builds.org/specs/source-date-epoch/).
epoch=${SOURCE_DATE_EPOCH:-1704067200}
label=coppice
# What a small guest can do without while it boots (self-tests of the kernel's ciphers, timer checks, auditing, mandatory
# access control; interrupt lines of PCI, which ACPI finds, and a device with MSI does not use): a third of the whole start under
# emulation.
kernel_arguments="console=ttyS0 console=hvc0 root=LABEL=$label quiet cryptomgr.notests no_timer_check audit=0 apparmor=0 acpi=noirq random.trust_cpu=on"

# The drivers that find the disk, the network and the agent's channel, by hypervisor.
drivers_virtio='virtio_pci virtio_blk virtio_net virtio_console ext4 pvpanic_mmio'
drivers_xen='xen_blkfront xen_netfront ext4'
# For disks at a SCSI controller: with --uefi only, because firmware under Xen needs seconds for each MiB of the initrd.
drivers_scsi=
# For CDs, in the drive of either controller; with --uefi only, and on the disk.
drivers_cd=
# What makes the power button work; not needed to boot, so it is on the disk.
drivers_power='button evdev'

indispensable_packages='busybox-static qemu-guest-agent e2fsprogs'

# closure_of [--no-pre-depends] PACKAGE: its name and those of all that it depends on.
closure_of() {
  apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "$@" \
    2> /dev/null | grep '^[a-z0-9]' | grep -v ':'
}

# Prints the candidates' closure: the agent, the libraries it may load, busybox, resize2fs, and the newest cloud kernel.
# The agent's pre-dependencies are left out: they are for its maintainer scripts, which never run here. Those of e2fsprogs
# are its libraries.
wanted_packages() {
  local kernel
  kernel=$(apt-cache depends linux-image-cloud-amd64 2> /dev/null | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ && !found++ {print $2}')
  [ -n "$kernel" ] || return 1
  printf '%s\nbusybox-static\n' "$kernel"
  closure_of --no-pre-depends qemu-guest-agent
  closure_of e2fsprogs
  [ "$uefi" = no ] || echo systemd-boot-efi
}

parse_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h) usage; exit 0 ;;
      --quiet) quiet=yes ;;
      --uefi) uefi=yes ;;
      --disk-mib) [ $# -ge 2 ] || fail '--disk-mib needs a number'; disk_mib=$2; shift ;;
      -*) fail "unknown option $1 (see --help)" ;;
      *) [ -z "$out" ] || fail 'only one OUTDIR can be given'; out=$1 ;;
    esac
    shift
  done
  [ -n "$out" ] || { usage >&2; exit 2; }
  [[ $disk_mib =~ ^[0-9]{2,6}$ ]] && [ "$disk_mib" -ge 32 ] || fail "--disk-mib must be a number from 32 up, not '$disk_mib'"
  [[ $epoch =~ ^[0-9]+$ ]] || fail "SOURCE_DATE_EPOCH must be a number of seconds, not '$epoch'"
}

uefi_programs='mkfs.vfat:dosfstools mcopy:mtools mmd:mtools sfdisk:fdisk'

check_machine() {
  local missing=() pair
  for pair in apt-get:apt apt-cache:apt dpkg-deb:dpkg tar:tar cpio:cpio mke2fs:e2fsprogs debugfs:e2fsprogs \
    qemu-img:qemu-utils flock:util-linux $([ "$uefi" = no ] || echo "$uefi_programs"); do
    command -v "${pair%%:*}" > /dev/null || missing+=("${pair%%:*} (package ${pair##*:})")
  done
  [ ${#missing[@]} -eq 0 ] || fail "missing programs: $(IFS=,; echo "${missing[*]}")"
  [ "$(dpkg --print-architecture)" = amd64 ] ||
    fail "the minimal guest is built for amd64 only, and this machine is $(dpkg --print-architecture)"
}

images='vmlinux vmlinuz initrd.img disk.qcow2'

builder_files() { (cd "$here" && hash_files .; echo "disk=$disk_mib epoch=$epoch uefi=$uefi"); }

write_manifest() {
  local build=$1 key=$2 file separator=''
  {
    printf '{\n  "format": 1,\n  "key": "%s",\n  "architecture": "amd64",\n' "$key"
    printf '  "kernelVersion": "%s",\n  "kernelArguments": "%s",\n' "$kernel_version" "$kernel_arguments"
    printf '  "diskMiB": %d,\n  "files": {' "$disk_mib"
    for file in $images; do
      printf '%s\n    "%s": {"sha256": "%s", "size": %d}' "$separator" "$file" \
        "$(sha256sum < "$build/$file" | cut -c1-64)" "$(stat -c %s "$build/$file")"
      separator=,
    done
    printf '\n  },\n  "packages": {'
    awk '{printf "%s\n    \"%s\": \"%s\"", (NR > 1 ? "," : ""), $1, $2}' "$work/packages.txt"
    printf '\n  }\n}\n'
  } > "$build/manifest.json"
}

build() {
  local key=$1 staging=$work/build
  download_packages
  say 'Unpacking them'
  unpack_packages
  # shellcheck disable=SC2086 # one word for each driver
  extract_kernel "$staging" $drivers_virtio $drivers_xen $drivers_scsi $drivers_power $drivers_cd
  say "Making the images (kernel $kernel_version, disk $disk_mib MiB)"
  make_initrd "$staging/initrd.img"
  make_disk "$staging/disk.qcow2" "$key"
  [ "$uefi" = no ] || make_uefi_disk "$staging"
  write_manifest "$staging" "$key"
}

parse_arguments "$@"
if [ "$uefi" = yes ]; then
  images+=' uefi.qcow2'
  indispensable_packages+=' systemd-boot-efi'
  drivers_scsi='virtio_scsi sd_mod'
  drivers_cd='ata_piix sr_mod isofs'
fi
links="$images manifest.json"
build_once
