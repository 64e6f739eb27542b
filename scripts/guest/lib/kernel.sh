# The kernel: its uncompressed image and its drivers. Sourced by a builder.

# number_at FILE OFFSET BYTES: an unsigned little-endian number.
number_at() { od -An -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '; }

# The decompressor for the magic number at the start of standard input, and its package.
decompressor_for() {
  case $1 in
    02214c18*) echo lz4 lz4 ;;
    28b52ffd*) echo zstd zstd ;;
    fd377a58*) echo xz xz-utils ;;
    1f8b*) echo gzip gzip ;;
    5d0000*) echo lzma xz-utils ;;
    *) return 1 ;;
  esac
}

# extract_vmlinux BZIMAGE OUT: the ELF image inside, found by the boot protocol's header
# (https://docs.kernel.org/arch/x86/boot.html: setup_sects 0x1f1, payload_offset 0x248, payload_length 0x24c).
extract_vmlinux() {
  local image=$1 out=$2 sectors offset length size magic tool package
  sectors=$(number_at "$image" $((0x1f1)) 1)
  [ "$sectors" -gt 0 ] || sectors=4
  offset=$(((sectors + 1) * 512 + $(number_at "$image" $((0x248)) 4)))
  length=$(number_at "$image" $((0x24c)) 4)
  # The last four bytes are the unpacked size; gzip counts them as its own trailer, others must not see them.
  size=$(number_at "$image" $((offset + length - 4)) 4)
  magic=$(od -An -t x1 -j "$offset" -N 6 "$image" | tr -d ' ')
  read -r tool package < <(decompressor_for "$magic") || fail "the kernel is compressed in an unknown way (magic $magic)"
  command -v "$tool" > /dev/null || fail "the kernel is compressed with $tool: install the package $package"
  [ "$tool" = gzip ] || length=$((length - 4))
  tail -c "+$((offset + 1))" "$image" | head -c "$length" | "$tool" -dc > "$out" 2> "$work/vmlinux.log" || true
  [ "$(stat -c %s "$out")" = "$size" ] && [ "$(head -c 4 "$out" | od -An -t x1 | tr -d ' ')" = 7f454c46 ] ||
    fail "could not unpack the kernel: $(cat "$work/vmlinux.log")"
}

# Modules are named with - or _ in file names and always with _ in the kernel: compare in one spelling.
index_modules() {
  grep -E '\.ko(\.xz|\.zst|\.gz)?$' "$work/kernel.list" |
    awk '{name = $0; sub(/.*\//, "", name); sub(/\.ko.*/, "", name); gsub(/-/, "_", name); print name, $0}' > "$work/modules.txt"
}

# fetch_module NAME: unpacks one module to $work/modules/NAME.ko, or fails where the kernel has it neither so nor built in.
fetch_module() {
  local name=$1 path
  path=$(awk -v name="$name" '$1 == name {print $2; exit}' "$work/modules.txt")
  if [ -z "$path" ]; then
    sed 's/.*\///; s/\.ko$//; s/-/_/g' "$work/modules.builtin" | grep -qx "$name" || fail "kernel $kernel_version has no driver $name"
    return 1
  fi
  case $path in
    *.ko) tar -xOf "$work/kernel.tar" "$path" ;;
    *.xz) tar -xOf "$work/kernel.tar" "$path" | xz -dc ;;
    *.zst) tar -xOf "$work/kernel.tar" "$path" | zstd -dqc ;;
    *.gz) tar -xOf "$work/kernel.tar" "$path" | gzip -dc ;;
  esac > "$work/modules/$name.ko"
}

# add_module NAME: unpacks a module and all that it depends on (its .modinfo section says what), and notes in
# module_dependencies what modprobe must load before it, in the order of modules.dep: last first.
declare -A module_dependencies
add_module() {
  local name=${1//-/_} dependency all=''
  [ -z "${module_dependencies[$name]+known}" ] || return 0
  fetch_module "$name" || return 0
  for dependency in $(tr '\0' '\n' < "$work/modules/$name.ko" | sed -n 's/^depends=//p' | tr ',-' ' _'); do
    add_module "$dependency"
    [ -z "${module_dependencies[$dependency]+module}" ] || all+=" $dependency.ko${module_dependencies[$dependency]}"
  done
  module_dependencies[$name]=$all
}

# install_modules ROOT NAME…: these modules and their dependencies, where modprobe looks, with its index.
install_modules() {
  local folder=$1/lib/modules/$kernel_version name file
  shift
  mkdir -p "$folder"
  for name in "$@"; do
    [ -n "${module_dependencies[$name]+module}" ] || continue # built into the kernel
    for file in "$name.ko" ${module_dependencies[$name]}; do
      [ -e "$folder/$file" ] || printf '%s:%s\n' "$file" "${module_dependencies[${file%.ko}]}" >> "$folder/modules.dep"
      install -m 0644 "$work/modules/$file" "$folder/$file"
    done
  done
}

# extract_kernel STAGING DRIVER…: vmlinuz and vmlinux there, these drivers in $work/modules; sets kernel_version.
extract_kernel() {
  local staging=$1 image module
  shift
  tar -tf "$work/kernel.tar" > "$work/kernel.list"
  image=$(grep /boot/vmlinuz- "$work/kernel.list")
  kernel_version=${image##*/vmlinuz-}
  tar -xOf "$work/kernel.tar" "$image" > "$staging/vmlinuz"
  extract_vmlinux "$staging/vmlinuz" "$staging/vmlinux"
  index_modules
  tar -xOf "$work/kernel.tar" --wildcards "*/modules/$kernel_version/modules.builtin" > "$work/modules.builtin"
  mkdir "$work/modules"
  for module in "$@"; do add_module "$module"; done
}
