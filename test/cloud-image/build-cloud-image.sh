#!/usr/bin/env bash
# Builds a cloud image of Debian as its makers do: GPT, GRUB for BIOS and for UEFI, cloud-init, DHCP, a serial console, no agent,
# nobody's keys. Tests boot it, since no image of a distribution's makers can be fetched while they run.
set -Eeuo pipefail
trap 'echo "build-cloud-image.sh: failed at $(basename "${BASH_SOURCE[0]}") line $LINENO: $BASH_COMMAND" >&2' ERR
shopt -s inherit_errexit
export LC_ALL=C
# Where Debian keeps mke2fs and sfdisk.
export PATH=$PATH:/usr/sbin:/sbin
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
library=$(cd "$here/../../scripts/guest/lib" && pwd)
. "$library/cache.sh"
. "$library/packages.sh"

usage() {
  cat <<'USAGE'
Usage: build-cloud-image.sh [--quiet] OUTDIR

Builds a Debian cloud image, of this machine's release, into OUTDIR:
  disk.qcow2     the image: GPT with a BIOS boot partition, an EFI system partition and a root file system
  manifest.json  sha256 of each file, versions of the packages
and beside them, in the folder of the build, the Debian packages that give it an agent without a network.

The names are links into OUTDIR/builds/KEY, where KEY is a digest of every package's version and of this builder: what follows
from the same inputs is built once. Earlier builds stay; they can be deleted when nothing uses them.

Options:
  --quiet        print nothing but errors
  --help         this text

Needs root, mmdebstrap, mke2fs, sfdisk, mtools and qemu-img. Standard output: the folder of the finished build.
USAGE
}

fail() { printf 'build-cloud-image.sh: %s\n' "$1" >&2; exit 1; }
say() { [ "$quiet" = yes ] || printf '%s\n' "$1" >&2; }

quiet=no
out=
# What Debian's own have, less editors, documentation, firmware and languages. cloud-init renders its network by netplan and networkd.
chosen_packages='systemd-sysv systemd-resolved udev dbus cloud-init netplan.io openssh-server sudo iproute2 kmod e2fsprogs
  cloud-guest-utils ca-certificates grub-common grub-pc-bin grub-efi-amd64-bin'
indispensable_packages='cloud-init netplan.io openssh-server grub-pc-bin grub-efi-amd64-bin'
links='disk.qcow2 manifest.json'

# Sizes in MiB: of the whole disk, and where its partitions begin and how long they are.
disk_mib=1536
bios_mib=1 esp_mib=4 esp_length_mib=32 root_mib=36
kernel_arguments='root=LABEL=cloudimg-root ro console=tty0 console=ttyS0,115200 no_timer_check'

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
  for pair in apt-get:apt mmdebstrap:mmdebstrap mke2fs:e2fsprogs sfdisk:fdisk mformat:mtools mcopy:mtools qemu-img:qemu-utils; do
    command -v "${pair%%:*}" > /dev/null || missing+=("${pair%%:*} (package ${pair##*:})")
  done
  [ ${#missing[@]} -eq 0 ] || fail "missing programs: $(IFS=,; echo "${missing[*]}")"
  [ "$(id -u)" = 0 ] || fail 'only root can install Debian into a folder: run it as root'
  [ "$(dpkg --print-architecture)" = amd64 ] ||
    fail "the cloud image is built for amd64 only, and this machine is $(dpkg --print-architecture)"
}

builder_files() { (cd "$here" && hash_files . && cd "$library" && sha256sum cache.sh packages.sh); }

# What apt would install where nothing is installed yet, as far as it makes a difference: the essential packages are left out.
wanted_packages() {
  local empty=$work/no-packages-installed
  : > "$empty"
  # shellcheck disable=SC2086 # one word for each package
  apt-get -s -o Debug::NoLocking=1 -o Dir::State::status="$empty" -o APT::Install-Recommends=0 install \
    linux-image-cloud-amd64 qemu-guest-agent $chosen_packages 2> /dev/null | awk '$1 == "Inst" {print $2}'
}

# install_debian: Debian in $work/root, and the packages of its agent in $work/build.
install_debian() {
  local root=$work/root release
  release=$(. /etc/os-release && echo "$VERSION_CODENAME")
  # This machine's own, so that the versions are those of the key.
  # shellcheck disable=SC2016 # the fields are apt's
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' \
    'Component: main' 'Architecture: amd64' | sort -u > "$work/sources.list"
  [ -s "$work/sources.list" ] || fail 'apt has no source of Debian: is this Debian, with its main archive?'
  # shellcheck disable=SC2016 # $1 is mmdebstrap's
  mmdebstrap --quiet --mode=root --variant=minbase --format=directory \
    --include="linux-image-cloud-amd64 $(echo $chosen_packages)" --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/i18n/*' \
    --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"' \
    --essential-hook='printf "MODULES=list\nCOMPRESS=lz4\n" > "$1/etc/initramfs-tools/conf.d/cloud"' \
    --essential-hook='printf "%s\n" virtio_pci virtio_blk virtio_scsi sd_mod ext4 > "$1/usr/share/initramfs-tools/modules.d/cloud"' \
    --customize-hook='rm -f "$1"/var/cache/apt/archives/*.deb' \
    --customize-hook='APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -qq install --download-only --no-install-recommends -y qemu-guest-agent' \
    --customize-hook="cp \"\$1\"/var/cache/apt/archives/*.deb '$work/build/'" \
    "$release" "$root" "$work/sources.list" > "$work/mmdebstrap.log" 2>&1 || { tail -20 "$work/mmdebstrap.log" >&2; fail 'mmdebstrap failed'; }
}

# finish_root: what an image's makers set, and no trace of the machine that built it. Masked is what a short life in a test has no use
# for, and takes emulated machines seconds.
finish_root() {
  local root=$work/root unit
  : > "$root/etc/machine-id"
  rm -f "$root"/etc/ssh/ssh_host_*_key* "$root/etc/hostname" "$root/etc/resolv.conf" "$root"/var/log/*.log
  ln -s ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
  printf 'LABEL=cloudimg-root / ext4 rw,errors=remount-ro 0 1\nLABEL=UEFI /boot/efi vfat umask=0077,nofail 0 1\n' > "$root/etc/fstab"
  mkdir -p "$root/boot/efi"
  # As Debian's own images have it.
  printf 'locale: C.UTF-8\nmanage_etc_hosts: true\ndisable_root: true\n' > "$root/etc/cloud/cloud.cfg.d/01_debian_cloud.cfg"
  # An emulated machine finds an RSA key in twenty seconds.
  printf 'ssh_genkeytypes: [ed25519]\n' > "$root/etc/cloud/cloud.cfg.d/02_test.cfg"
  for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer dpkg-db-backup.timer \
    systemd-timesyncd.service systemd-pstore.service getty@tty1.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  chroot "$root" systemctl -q enable systemd-networkd systemd-resolved
}

# make_loaders: GRUB's image for a BIOS and its program for UEFI, made in the new system by its own GRUB.
make_loaders() {
  local root=$work/root modules='part_gpt ext2 search search_label linux normal configfile echo serial' kernel
  kernel=$(basename "$root"/boot/vmlinuz-*) kernel=${kernel#vmlinuz-}
  mkdir -p "$root/boot/grub"
  cat > "$root/boot/grub/grub.cfg" <<GRUB
serial --unit=0 --speed=115200
terminal_output serial
linux /boot/vmlinuz-$kernel $kernel_arguments
initrd /boot/initrd.img-$kernel
boot
GRUB
  printf 'search --no-floppy --label cloudimg-root --set=root\nset prefix=($root)/boot/grub\n' > "$root/tmp/early.cfg"
  # shellcheck disable=SC2086 # one word for each module
  chroot "$root" grub-mkimage -O i386-pc -o /tmp/core.img -c /tmp/early.cfg -p /boot/grub biosdisk $modules
  # shellcheck disable=SC2086
  chroot "$root" grub-mkimage -O x86_64-efi -o /tmp/bootx64.efi -c /tmp/early.cfg -p /boot/grub $modules
  mv "$root/tmp/core.img" "$root/tmp/bootx64.efi" "$work/"
  cp "$root/usr/lib/grub/i386-pc/boot.img" "$work/"
  rm "$root/tmp/early.cfg"
}

# put_number FILE OFFSET NUMBER: eight bytes, the lowest first.
put_number() {
  local number=$3 byte bytes=''
  for byte in 0 1 2 3 4 5 6 7; do bytes+=$(printf '\\x%02x' $((number >> (8 * byte) & 255))); done
  # shellcheck disable=SC2059 # the format is the bytes
  printf "$bytes" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# What grub-bios-setup would write into the disk's first sector and the BIOS boot partition, which needs a block device: where the
# image begins (offset 0x5c of the boot sector), and where its second sector is (0x1f4 of its first).
install_bios_loader() {
  local raw=$1 sector=$((bios_mib * 2048))
  put_number "$work/boot.img" $((0x5c)) "$sector"
  put_number "$work/core.img" $((0x1f4)) $((sector + 1))
  dd if="$work/boot.img" of="$raw" bs=440 count=1 conv=notrunc status=none
  dd if="$work/core.img" of="$raw" bs=1M seek="$bios_mib" conv=notrunc status=none
}

install_uefi_loader() {
  local part=$1@@${esp_mib}M
  mformat -i "$part" -T $((esp_length_mib * 2048)) -h 64 -s 32 -v UEFI ::
  mmd -i "$part" ::/EFI ::/EFI/BOOT
  mcopy -i "$part" "$work/bootx64.efi" ::/EFI/BOOT/BOOTX64.EFI
}

# The numbers of the partitions are those of Debian's images: the root is the first one and lies last, so that it can grow.
make_disk() {
  local raw=$work/disk.raw
  truncate -s "${disk_mib}M" "$raw"
  sfdisk -q "$raw" <<TABLE
label: gpt
14 : start=${bios_mib}MiB, size=$((esp_mib - bios_mib))MiB, type=21686148-6449-6E6F-744E-656564454649
15 : start=${esp_mib}MiB, size=${esp_length_mib}MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
1 : start=${root_mib}MiB, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709
TABLE
  mke2fs -q -t ext4 -L cloudimg-root -m 0 -E "offset=$((root_mib * 1024 * 1024)),lazy_itable_init=0,lazy_journal_init=0" \
    -d "$work/root" "$raw" "$((disk_mib - root_mib - 1))M"
  install_bios_loader "$raw"
  install_uefi_loader "$raw"
  qemu-img convert -f raw -O qcow2 "$raw" "$work/build/disk.qcow2"
}

write_manifest() {
  local build=$1 name separator=''
  {
    printf '{\n  "format": 1,\n  "key": "%s",\n  "agentPackages": [' "$2"
    for name in "$build"/*.deb; do
      printf '%s\n    "%s"' "$separator" "${name##*/}"
      separator=,
    done
    printf '\n  ],\n  "files": {'
    separator=
    for name in "$build"/*.deb "$build/disk.qcow2"; do
      printf '%s\n    "%s": {"sha256": "%s"}' "$separator" "${name##*/}" "$(sha256sum < "$name" | cut -c1-64)"
      separator=,
    done
    printf '\n  },\n  "packages": {'
    dpkg-query --admindir "$work/root/var/lib/dpkg" --show --showformat '${Package} ${Version}\n' |
      awk '{printf "%s\n    \"%s\": \"%s\"", (NR > 1 ? "," : ""), $1, $2}'
    printf '\n  }\n}\n'
  } > "$build/manifest.json"
}

build() {
  local key=$1
  say "Installing Debian's cloud packages into a folder"
  install_debian
  finish_root
  say 'Making the image'
  make_loaders
  make_disk
  write_manifest "$work/build" "$key"
}

parse_arguments "$@"
build_once
