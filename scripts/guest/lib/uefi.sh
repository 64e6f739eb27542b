# A disk that UEFI boots by itself: an EFI system partition with systemd-boot, kernel and initrd, and the root file system
# behind it. Sourced by build-minimal.sh; nothing is mounted.

esp_mib=24

# make_esp OUT STAGING: the file system of the EFI system partition.
make_esp() {
  local out=$1 staging=$2 loader entry=$work/entry.conf
  loader=$(find "$work/unpacked" -name systemd-bootx64.efi -print -quit)
  [ -n "$loader" ] || fail 'package systemd-boot-efi holds no systemd-bootx64.efi'
  printf 'timeout 0\n' > "$work/loader.conf"
  printf 'title Coppice\nlinux /vmlinuz\ninitrd /initrd.img\noptions %s\n' "$kernel_arguments" > "$entry"
  truncate -s "${esp_mib}M" "$out"
  mkfs.vfat --invariant -F 16 -n ESP "$out" > /dev/null
  export SOURCE_DATE_EPOCH=$epoch
  mmd -i "$out" ::/EFI ::/EFI/BOOT ::/loader ::/loader/entries
  touch -d "@$epoch" "$work/loader.conf" "$entry"
  mcopy -m -i "$out" "$loader" ::/EFI/BOOT/BOOTX64.EFI
  mcopy -m -i "$out" "$work/loader.conf" ::/loader/loader.conf
  mcopy -m -i "$out" "$entry" ::/loader/entries/coppice.conf
  cp --no-preserve=timestamps "$staging/vmlinuz" "$staging/initrd.img" "$work"
  touch -d "@$epoch" "$work/vmlinuz" "$work/initrd.img"
  mcopy -m -i "$out" "$work/vmlinuz" "$work/initrd.img" ::/
}

# make_uefi_disk STAGING: uefi.qcow2 there. $work/disk.raw is the root file system.
make_uefi_disk() {
  local staging=$1 esp=$work/esp.raw disk=$work/uefi.raw mib=2048
  make_esp "$esp" "$staging"
  truncate -s "$((esp_mib + disk_mib + 2))M" "$disk"
  sfdisk --quiet "$disk" <<TABLE
label: gpt
label-id: 6a0ef1b5-94a1-4d3b-8f3d-0a5b0f8a3c11
start=$mib, size=$((esp_mib * mib)), type=uefi, uuid=6a0ef1b5-94a1-4d3b-8f3d-0a5b0f8a3c12
start=$(((esp_mib + 1) * mib)), size=$((disk_mib * mib)), type=linux, uuid=6a0ef1b5-94a1-4d3b-8f3d-0a5b0f8a3c13
TABLE
  dd if="$esp" of="$disk" bs=1M seek=1 conv=notrunc,sparse status=none
  dd if="$work/disk.raw" of="$disk" bs=1M seek=$((esp_mib + 1)) conv=notrunc,sparse status=none
  qemu-img convert -f raw -O qcow2 "$disk" "$staging/uefi.qcow2"
}
