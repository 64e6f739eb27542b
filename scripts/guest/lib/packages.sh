# Which Debian packages an image is made of, and fetching them. Sourced by a builder, which has `wanted_packages`, that prints
# their names, and $indispensable_packages, without which there is nothing to build; a kernel is always one of them.

# Writes $work/packages.txt: 'name version sha256', one line each, sorted.
list_packages() {
  local names name
  names=$(wanted_packages) || return 1
  # shellcheck disable=SC2086 # one word for each package name
  apt-cache show --no-all-versions $names 2> /dev/null | awk '
    function flush() { if (name != "") print name, version, digest; name = version = digest = "" }
    $1 == "Package:" {flush(); name = $2} $1 == "Version:" {version = $2} $1 == "SHA256:" {digest = $2} END {flush()}
  ' | sort -u > "$work/packages.txt"
  for name in $indispensable_packages; do grep -q "^$name " "$work/packages.txt" || return 1; done
  grep -q '^linux-image-' "$work/packages.txt"
}

# Package lists that are missing, or older than the archive, are the usual reasons for a failure: fetch them once.
refresh_lists() {
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo -n)
  say 'Fetching the package lists (apt-get update)'
  "${sudo[@]}" apt-get -qq update > "$work/apt.log" 2>&1 ||
    { cat "$work/apt.log" >&2; fail 'apt-get update failed: run it by hand as root, then try again'; }
}

resolve_packages() {
  list_packages && return
  refresh_lists
  list_packages || fail "apt does not know all of: a Linux kernel $indispensable_packages: is this Debian, with its main archive?"
}

try_download() {
  local versions
  versions=$(awk '{print $1 "=" $2}' "$work/packages.txt")
  # shellcheck disable=SC2086 # one word for each package
  (cd "$work/debs" && apt-get -qq download $versions) > "$work/apt.log" 2>&1
}

download_packages() {
  say "Downloading $(wc -l < "$work/packages.txt") Debian packages"
  mkdir "$work/debs"
  # apt fetches as its own user, who must be able to write here; without that it only warns.
  chmod 0755 "$work"
  try_download && return
  cp "$work/packages.txt" "$work/packages.before"
  refresh_lists
  resolve_packages
  cmp -s "$work/packages.txt" "$work/packages.before" || say 'Newer packages have appeared; taking those'
  try_download || { cat "$work/apt.log" >&2; fail 'apt-get download failed'; }
}

# Further options of tar for unpacking them.
unpack_options=()

# The kernel package is big, and few of its files are needed: it becomes a tar file, from which extract_kernel picks.
unpack_packages() {
  local deb
  mkdir -p "$work/unpacked"
  for deb in "$work"/debs/*.deb; do
    case ${deb##*/} in
      linux-image-*) dpkg-deb --fsys-tarfile "$deb" > "$work/kernel.tar" ;;
      *) dpkg-deb --fsys-tarfile "$deb" | tar -x --no-same-owner --keep-directory-symlink "${unpack_options[@]}" -C "$work/unpacked" ;;
    esac
  done
  busybox=$(find "$work/unpacked" -type f -path "*/bin/busybox" -print -quit)
  [ -n "$busybox" ] || fail 'package busybox-static holds no busybox'
}
