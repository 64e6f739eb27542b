#!/usr/bin/env bash
# Does Coppice work for someone who has just cloned it? Makes a bare Debian (nothing but its minimal base, git and
# Node 20 or later), clones this repository's last commit into it, and runs the README's commands there.
# Takes minutes and much network traffic, so it is no part of `npm test`.
set -Eeuo pipefail
trap 'echo "test/bare: failed at line $LINENO: $BASH_COMMAND" >&2' ERR

usage() {
  cat <<'USAGE'
Usage: sudo test/bare/run.sh [options]

  --suite NAME    Debian release (default bookworm)
  --deps-only     only scripts/bootstrap.sh deps, twice
  --demo-only     only `npm run demo -- --once`, twice        (also: --no-test)
  --test-only     only `npm test`
  --keep          do not delete the folder, and say where it is
  --root DIR      use the root that an earlier run kept (the clone and Coppice's data are created again)
USAGE
}

suite=bookworm
mode=all
keep=no
root=
# A second start must be quick: everything it needs is there.
second_start_limit=15

fail() { echo "test/bare: $1" >&2; exit 1; }
say() { echo "== $1"; }

parse_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --suite) suite=${2:?--suite needs a name}; shift ;;
      --root) root=${2:?--root needs a folder}; keep=yes; shift ;;
      --deps-only) mode=deps ;;
      --demo-only | --no-test) mode=demo ;;
      --test-only) mode=test ;;
      --keep) keep=yes ;;
      --help | -h) usage; exit 0 ;;
      *) usage >&2; exit 2 ;;
    esac
    shift
  done
}

check_machine() {
  [ "$(id -u)" = 0 ] || fail 'needs root (chroot, mounts)'
  local program
  for program in debootstrap unshare git node npm; do
    command -v "$program" > /dev/null || fail "needs $program (apt-get install debootstrap util-linux git)"
  done
}

# archives PATTERN: this machine's own Debian mirrors, so that no host name stands here: 'URI RELEASE' lines.
archives() {
  apt-get indextargets --format '$(ORIGIN)|$(CREATED_BY)|$(COMPONENT)|$(REPO_URI) $(CODENAME)' |
    sed -n 's/^Debian|Packages|main|//p' | sort -u | grep -E "$1"
}

make_root() {
  local host_suite mirror
  host_suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mirror=$(archives " $host_suite\$" | cut -d' ' -f1)
  say "Making a bare $suite"
  debootstrap --variant=minbase --include=git,ca-certificates "$suite" "$root" "$mirror" > "$root.log" 2>&1 ||
    { tail -20 "$root.log" >&2; fail 'debootstrap failed'; }
  rm -f "$root.log"
  # The same archives as here (with security updates), for the wanted release.
  archives "$host_suite" | sed "s/$host_suite/$suite/; s/^/deb /; s/\$/ main/" > "$root/etc/apt/sources.list"
}

# copy_into_root FILE…: to the same place, following links, if it exists here.
copy_into_root() {
  local file
  for file in "$@"; do
    [ -e "$file" ] || continue
    mkdir -p "$root$(dirname "$file")"
    # Links in the root point to places outside it, as seen from here: never write through them.
    cp -rL --remove-destination "$file" "$root$(dirname "$file")/"
  done
}

# How this machine reaches registries: names, certificates, proxies.
copy_network_configuration() {
  local variable file
  copy_into_root /etc/resolv.conf /etc/hosts /etc/ssl/certs
  while IFS='=' read -r variable _; do copy_into_root "${!variable}"; done < <(network_environment)
  for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
    ! grep -qsE '^[^/]*Acquire' "$file" || copy_into_root "$file"
  done
}

# The environment variables for proxies and certificates.
network_environment() { env | grep -E '^[A-Za-z_]*(_proxy|_PROXY|_CERTS?|_CERT_FILE|_CERT_DIR|_CAINFO|_CA_BUNDLE)=' || true; }

# Debian 12's own nodejs is 18. A user would install a newer one from somewhere; here the machine's is copied.
copy_node() {
  local npm
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  mkdir -p "$root/usr/local/bin" "$root/usr/local/lib/node_modules" "$root/usr/local/etc" "$root/root"
  cp -L "$(command -v node)" "$root/usr/local/bin/node"
  rm -rf "$root/usr/local/lib/node_modules/npm"
  cp -r "$npm" "$root/usr/local/lib/node_modules/npm"
  ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  ln -sf ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
  [ ! -f "$(npm config get globalconfig)" ] || cp "$(npm config get globalconfig)" "$root/usr/local/etc/npmrc"
  [ ! -f "$(npm config get userconfig)" ] || cp "$(npm config get userconfig)" "$root/root/.npmrc"
  [ "$(npm config get cafile)" = null ] || copy_into_root "$(npm config get cafile)"
}

clone_repository() {
  local repository
  repository=$(git -C "$(dirname "${BASH_SOURCE[0]}")" rev-parse --show-toplevel)
  rm -rf "$root/root/coppice" "$root/root/.local/share/coppice"
  git clone -q --no-hardlinks "$repository" "$root/root/coppice"
  say "Cloned $(git -C "$root/root/coppice" log -1 --format='%h %s')"
}

# in_root COMMAND…: runs it in the root, in process and mount namespaces of its own: whatever happens, mounts and
# processes end with it.
in_root() {
  local environment=()
  mapfile -t environment < <(network_environment)
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare --mount --pid --fork --kill-child --propagation private bash -c '
    set -e
    root=$1; shift
    # A root that is no mount point is none that `ip netns` would work in.
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    exec chroot "$root" env -i "$@"
  ' bash "$root" HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    "${environment[@]}" sh -c 'cd /root/coppice && exec "$@"' sh "$@" < /dev/null
}

milliseconds() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
in_seconds() { printf '%d.%01d' $(($1 / 1000)) $(($1 % 1000 / 100)); }

# timed NAME COMMAND…: runs it in the root and prints each line with the seconds since the start; sets $ready to the
# milliseconds until the demo said that it was up (its KUBECONFIG= line), or else until the command's end.
timed() {
  local name=$1 start line marks
  shift
  say "$name: $*"
  start=$(milliseconds)
  marks=$(mktemp)
  in_root "$@" 2>&1 | while IFS= read -r line; do
    printf '%7s  %s\n' "$(in_seconds $(($(milliseconds) - start)))" "$line"
    [[ $line != KUBECONFIG=* ]] || echo $(($(milliseconds) - start)) > "$marks"
  done || { rm -f "$marks"; fail "$name failed: $*"; }
  ready=$(cat "$marks")
  : "${ready:=$(($(milliseconds) - start))}"
  rm -f "$marks"
  say "$name: ready after $(in_seconds "$ready") s, ended after $(in_seconds $(($(milliseconds) - start))) s"
}

run_twice() {
  timed 'first run' "$@"
  timed 'second run' "$@"
  [ "$ready" -lt $((second_start_limit * 1000)) ] ||
    fail "the second run was ready after $(in_seconds "$ready") s; the limit is $second_start_limit s"
}

clean_up() {
  if [ "$keep" = yes ]; then say "Kept $root"; else rm -rf --one-file-system "$root"; fi
}

parse_arguments "$@"
check_machine
[ -n "$root" ] || root=$(mktemp -d "${TMPDIR:-/tmp}/coppice-bare.XXXXXX")
trap clean_up EXIT
chmod 0755 "$root"
[ -d "$root/etc" ] || make_root
copy_network_configuration
copy_node
clone_repository
case $mode in
  deps) run_twice sh scripts/bootstrap.sh deps demo ;;
  demo | all) run_twice npm run demo -- --once ;;
esac
case $mode in test | all) timed tests npm test ;; esac
say 'Passed'
