# The initrd and the root disk. Sourced by build-minimal.sh.

make_initrd() {
  local out=$1 root=$work/initrd
  mkdir -p "$root"/{bin,proc,sys,dev,root,drivers}
  cp "$busybox" "$root/bin/busybox"
  ln -s busybox "$root/bin/sh"
  install -m 0755 "$here/initrd/init" "$root/init"
  # shellcheck disable=SC2086 # here and below: one word for each driver
  install_modules "$root" $drivers_virtio $drivers_xen $drivers_scsi
  # shellcheck disable=SC2086
  loadable $drivers_virtio > "$root/drivers/virtio"
  # shellcheck disable=SC2086
  loadable $drivers_xen > "$root/drivers/xen"
  # shellcheck disable=SC2086
  loadable $drivers_scsi > "$root/drivers/scsi"
  find "$root" -exec touch -h -d "@$epoch" {} +
  (cd "$root" && find . -print0 | sort -z | cpio --null --create --format=newc --quiet --reproducible --owner=0:0) > "$out"
}

# Those of the given drivers that are modules, and not built into this kernel, in one line.
loadable() {
  local name names=()
  for name in "$@"; do [ -z "${module_dependencies[$name]+module}" ] || names+=("$name"); done
  echo "${names[*]}"
}

# Every applet as a link, in the folder where Debian has the program of that name.
link_applets() {
  local root=$1 applet directory
  for applet in $("$busybox" --list); do
    case $applet in
      busybox) continue ;;
      halt | poweroff | reboot | shutdown) continue ;; # ours: usr/sbin/shutdown
      init | hwclock | ifconfig | ip | route | httpd | getty | insmod | rmmod | modprobe | lsmod | sysctl | acpid | \
        syslogd | klogd | logread | telnetd | crond | chroot | switch_root | pivot_root | mke2fs | mkswap | fdisk | \
        losetup | swapon | swapoff | blockdev | start-stop-daemon | udhcpc | udhcpd | svc | findfs | sulogin) directory=sbin ;;
      *) directory=bin ;;
    esac
    [ -e "$root/usr/$directory/$applet" ] || ln -s /usr/bin/busybox "$root/usr/$directory/$applet"
  done
}

# copy_program ROOT NAME: a program of /usr/sbin, its libraries and the loader, by asking that loader: what it names is what
# will be loaded, and it must all come from the unpacked packages. It is asked from their folder: paths from there have no
# blanks and no colons, whatever the folder above is called.
copy_program() {
  local root=$1 name=$2 packages=$work/unpacked program loader library path
  program=$(cd "$packages" && find . -type f -name "$name" -path '*/?bin/*' -print -quit)
  loader=$(find "$packages" -name 'ld-linux-x86-64.so.2' -print -quit)
  [ -n "$program" ] && [ -n "$loader" ] || fail "the packages hold no $name, or no dynamic loader"
  install -m 0755 "$packages/$program" "$root/usr/sbin/$name"
  mkdir -p "$root/usr/lib/x86_64-linux-gnu" "$root/usr/lib64"
  install -m 0755 "$(readlink -f "$loader")" "$root/usr/lib64/ld-linux-x86-64.so.2"
  (cd "$packages" && "$(readlink -f "$loader")" --inhibit-cache \
    --library-path lib/x86_64-linux-gnu:usr/lib/x86_64-linux-gnu --list "$program") > "$work/libraries.txt"
  while read -r library path; do
    case $path in
      lib/* | usr/lib/*) install -m 0644 "$(readlink -f "$packages/$path")" "$root/usr/lib/x86_64-linux-gnu/$library" ;;
      *) fail "$name needs $library, which is in none of the packages" ;;
    esac
  done < <(awk '$2 == "=>" && $1 !~ /^\// {print $1, $3}' "$work/libraries.txt")
}

make_root() {
  local root=$1 folder
  mkdir -p "$root"/{proc,sys,dev,run,tmp,mnt,home,opt,root,srv/www} "$root"/etc/{init.d,qemu} \
    "$root"/usr/{bin,sbin,lib,lib64,share,local/bin,local/sbin} "$root"/var/{cache,lib,log,spool,tmp,www}
  for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
  ln -s /run "$root/var/run"
  (cd "$here/rootfs" && find . -type f -print0 | xargs -0 cp --parents -t "$root")
  find "$root" -type d -exec chmod 0755 {} +
  find "$root" -type f -exec chmod 0644 {} +
  chmod 0755 "$root"/etc/init.d/* "$root"/etc/acpi/PWRF/* "$root"/usr/sbin/* "$root"/usr/lib/coppice/*
  chmod 0700 "$root/root"
  install -m 0755 "$busybox" "$root/usr/bin/busybox"
  for folder in halt poweroff reboot; do ln -s shutdown "$root/usr/sbin/$folder"; done
  link_applets "$root"
  copy_program "$root" qemu-ga
  # Makes the file system as large as a larger disk.
  copy_program "$root" resize2fs
  # shellcheck disable=SC2086 # one word for each driver
  install_modules "$root" $drivers_power $drivers_cd
  chmod 1777 "$root/tmp" "$root/var/tmp"
}

# The commands by which debugfs copies a folder into a file system. In sorted order, and thus always to the same inodes
# and blocks (mke2fs -d takes them as the folder of the day lists them); all files belong to root, whoever runs this.
populate_commands() {
  local kind mode path target
  (cd "$1" && find . -mindepth 1 -printf '%y\t%m\t%P\t%l\n') | sort -t $'\t' -k 3 | while IFS=$'\t' read -r kind mode path target; do
    case $kind in
      d) printf 'mkdir "/%s"\nset_inode_field "/%s" mode 0%o\n' "$path" "$path" $((8#$mode | 8#40000)) ;;
      f) printf 'write "%s" "/%s"\nset_inode_field "/%s" mode 0%o\n' "$1/$path" "$path" "$path" $((8#$mode | 8#100000)) ;;
      l) printf 'symlink "/%s" "%s"\n' "$path" "$target" ;;
      *) fail "cannot put /$path into the guest: kind $kind" ;;
    esac
  done
}

populate() {
  populate_commands "$1" > "$work/debugfs.commands"
  debugfs -w -f "$work/debugfs.commands" "$2" > "$work/debugfs.log" 2>&1
  # debugfs goes on after an error and exits with 0: what it prints beyond commands and inode numbers is an error.
  ! grep -vE '^(debugfs[ :]|Allocated inode: )' "$work/debugfs.log" > "$work/debugfs.errors" ||
    fail "debugfs: $(head -3 "$work/debugfs.errors")"
}

# make_disk OUT KEY: the root file system. Its features are spelled out, as defaults differ between Debian releases; the
# inode tables are written now, or each guest's kernel would do it in the background, into each guest's own overlay.
make_disk() {
  local out=$1 key=$2 root=$work/root raw=$work/disk.raw uuid
  make_root "$root"
  uuid=$(printf '%s' "$key" | sha256sum | sed -E 's/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/\1-\2-4\3-8\4-\5/')
  truncate -s "${disk_mib}M" "$raw"
  export E2FSPROGS_FAKE_TIME=$epoch # every time stamp that e2fsprogs writes
  mke2fs -q -t ext4 -b 4096 -I 256 -m 0 -L "$label" -U "$uuid" -J size=4 \
    -O none,has_journal,ext_attr,dir_index,filetype,extent,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize \
    -E "root_owner=0:0,hash_seed=$uuid,lazy_itable_init=0,lazy_journal_init=0" "$raw"
  populate "$root" "$raw"
  e2fsck -fn "$raw" > "$work/e2fsck.log" 2>&1 || fail "the file system is not clean: $(cat "$work/e2fsck.log")"
  qemu-img convert -f raw -O qcow2 "$raw" "$out"
}
