#!/bin/sh
# From a fresh clone to a running Coppice: installs what is missing, says what and why, and hands over.
# Needs Node 20 or later, npm and git; everything else it gets. Nothing is done twice.
set -eu

repository=$(cd "$(dirname "$0")/.." && pwd)
lockfile=$repository/package-lock.json
modules=$repository/node_modules
node24=$modules/.bin/node
# Where Debian keeps mke2fs and its like, and the plugins of pods' networks; a plain user's PATH lacks them.
PATH=$PATH:/usr/sbin:/sbin:/usr/lib/cni
export PATH

usage() {
  cat <<'USAGE'
Usage: bootstrap.sh COMMAND [arguments…]

  demo [arguments]   install what is missing, then run the demo        (npm run demo -- arguments)
  test [arguments]   install what is missing, then run the tests       (npm test -- arguments)
  run [arguments]    install what is missing, then run the command line (npm run coppice -- arguments)
  deps [demo|test]   install what that command needs, and stop          (default: test, which needs the most)
USAGE
}

say() { printf '%s\n' "$*" >&2; }
fail() { say "coppice: $*"; exit 1; }

# program, or path of another file | Debian package | what it is for | commands that need it
system_programs() {
  cat <<'TABLE'
qemu-system-x86_64|qemu-system-x86|runs the virtual machines|demo test
qemu-img|qemu-utils|makes and checks their copy-on-write disks|demo test
mke2fs|e2fsprogs|makes the guest's file system|demo test
cpio|cpio|makes the guest's initial RAM disk|demo test
lz4|lz4|unpacks the kernel of Debian 12|demo test
zstd|zstd|unpacks the kernel of Debian 13, and packed images|demo test
xz|xz-utils|unpacks the kernel's drivers of Debian 13, and packed images|demo test
bzip2|bzip2|unpacks packed images|demo test
docker-registry|docker-registry|a registry from which the tests import container images|test
runc|runc|runs the containers of the tests' cluster|test
/usr/share/OVMF/OVMF_CODE_4M.fd|ovmf|boots virtual machines by UEFI|test
mkfs.vfat|dosfstools|makes the EFI system partition of a guest|test
mcopy|mtools|puts files into it|test
sfdisk|fdisk|makes the partition tables of disks that grow|test
xfs_growfs|xfsprogs|makes the file systems on them|test
btrfs|btrfs-progs|makes the file systems on them|test
host-local|containernetworking-plugins|connects its pods|test
nft|nftables|routes to its Services|test
iptables|iptables|forwards its pods' ports|test
conntrack|conntrack|forgets connections to pods that are gone|test
xorriso|xorriso|makes the volumes that cloud-init reads|test
mmdebstrap|mmdebstrap|installs Debian into the cloud image of the tests|test
mcopy|mtools|makes its EFI system partition|test
busybox|busybox-static|holds its pods' networks|test
ip|iproute2|makes the networks in which VMs with addresses of their own, and the cluster, are tested|test
TABLE
}

is_there() {
  case $1 in
    /*) [ -e "$1" ] ;;
    *) command -v "$1" > /dev/null 2>&1 ;;
  esac
}

# missing_programs COMMAND: the lines of the table whose program is not there.
missing_programs() {
  system_programs | while IFS='|' read -r program package reason commands; do
    case " $commands " in *" $1 "*) ;; *) continue ;; esac
    is_there "$program" || printf '%s|%s|%s\n' "$program" "$package" "$reason"
  done
}

# run_quietly COMMAND…: its output goes to a file, which is shown only if it fails.
run_quietly() {
  log=$(mktemp)
  if "$@" > "$log" 2>&1; then rm -f "$log"; return 0; fi
  cat "$log" >&2
  rm -f "$log"
  return 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_system_packages() {
  missing=$(missing_programs "$1")
  [ -n "$missing" ] || return 0
  packages=$(printf '%s\n' "$missing" | cut -d'|' -f2 | tr '\n' ' ')
  if ! command -v apt-get > /dev/null 2>&1; then
    say 'coppice: this is not a Debian system, so please install these programs yourself:'
    printf '%s\n' "$missing" | while IFS='|' read -r program package reason; do
      say "  $program  $reason (on Debian it is in the package $package)"
    done
    exit 1
  fi
  if [ "$(id -u)" != 0 ] && ! command -v sudo > /dev/null 2>&1; then
    fail "as root, please run: apt-get install --no-install-recommends $packages"
  fi
  say 'Installing Debian packages:'
  printf '%s\n' "$missing" | while IFS='|' read -r program package reason; do say "  $package  $reason"; done
  say '  … fetching the package lists'
  run_quietly as_root apt-get -q update || fail 'apt-get update failed (see above)'
  for package in $packages; do
    say "  … $package"
    # shellcheck disable=SC2086 # one word for each package
    run_quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$package" ||
      fail "apt-get could not install $package (see above)"
  done
}

# What node_modules must have been installed from: this lockfile, for this kind of machine.
wanted_stamp() { printf '%s %s\n' "$(cksum < "$lockfile")" "$(uname -sm)"; }

node_modules_are_current() {
  [ -x "$node24" ] && [ "$(cat "$modules/.coppice-lock" 2> /dev/null)" = "$(wanted_stamp)" ]
}

# Somebody ran npm by hand: then there is nothing to do but to remember it.
accept_node_modules() {
  [ -x "$node24" ] && [ -f "$modules/.package-lock.json" ] &&
    "$node24" "$repository/scripts/modules-match-lockfile.mjs" "$lockfile" "$modules/.package-lock.json" && write_stamp
}

write_stamp() {
  wanted_stamp > "$modules/.coppice-lock.tmp"
  mv "$modules/.coppice-lock.tmp" "$modules/.coppice-lock"
}

check_node() {
  command -v node > /dev/null 2>&1 && command -v npm > /dev/null 2>&1 || fail 'please install Node.js 20 or later, with npm'
  node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
    fail "Node.js 20 or later is needed, and this is $(node --version)"
}

# npm must not run by the Node that it is about to replace: `npm run` puts node_modules/.bin first.
path_without_modules() {
  printf '%s' "$PATH" | tr ':' '\n' | grep -v "^$modules/\.bin\$" | tr '\n' ':' | sed 's/:$//'
}

install_node_modules() {
  if node_modules_are_current || accept_node_modules; then return; fi
  PATH=$(path_without_modules)
  check_node
  say 'Installing the Node packages of package-lock.json (among them Node 24, which runs everything here)'
  # A killed installation leaves half packages that npm takes for whole ones.
  rm -rf "$modules"
  # Not `npm ci`: it refuses a lockfile that lacks other platforms' optional packages, and npm writes such lockfiles
  # (https://github.com/npm/cli/issues/8320). With --no-save this installs the same, and changes no file.
  # No package needs its install script; npm's own settings must not leave out what the tests use.
  (cd "$repository" && npm install --no-save --ignore-scripts --include=dev --include=optional --loglevel=error) >&2 ||
    fail 'npm could not install them (see above)'
  "$node24" --version 2> /dev/null | grep -q '^v24\.' ||
    fail "Node 24 did not come with the packages: is there one for this machine ($(uname -sm))? See optionalDependencies in package.json"
  write_stamp
}

# Two commands started at once must not install on top of each other.
install_all() {
  [ "$1" != demo ] || check_architecture
  if ! node_modules_are_current || [ -n "$(missing_programs "$1")" ]; then
    exec 9< "$lockfile"
    ! command -v flock > /dev/null 2>&1 || flock 9
    install_node_modules
    [ "$1" = none ] || install_system_packages "$1"
    exec 9<&-
  fi
}

check_architecture() {
  [ "$(uname -m)" = x86_64 ] ||
    fail "the guest image and its kernel are x86-64 for now, and this machine is $(uname -m); the tests' other parts run: npm test"
}

# Commands of the command line that start virtual machines on this machine; the others need Node alone.
needs_of_cli() {
  case ${1:-} in demo | up) echo demo ;; *) echo none ;; esac
}

[ $# -gt 0 ] || { usage >&2; exit 2; }
command=$1
shift
case $command in
  demo)
    install_all demo
    exec "$node24" "$repository/src/cli/main.ts" demo "$@"
    ;;
  test)
    install_all test
    exec "$node24" "$repository/scripts/run-tests.ts" "$@"
    ;;
  run)
    install_all "$(needs_of_cli "$@")"
    exec "$node24" "$repository/src/cli/main.ts" "$@"
    ;;
  deps)
    case ${1:-test} in demo | test) install_all "${1:-test}" ;; *) usage >&2; exit 2 ;; esac
    ;;
  -h | --help | help) usage ;;
  *) usage >&2; exit 2 ;;
esac
