import { IDENTITY_PATH } from '../installed.ts';

/** While a clone takes its identity: for which machine, what was shared with the machine it is made from, and what is done. */
export const TAKING_PATH = `${IDENTITY_PATH}.taking`;

/** Programs in the guest that run when a clone has its identity, in the order of their names. */
export const HOOKS_FOLDER = '/etc/coppice/on-clone.d';

/** How the scripts show in the guest's list of processes, and to the simulated guest. */
export const CLONE = 'coppice-clone';
export const LOOK_CLONE = 'coppice-look-clone';
export const READ_CLONE = 'coppice-read-clone';

/** At the start of the last line of a script's errors: the part that failed. */
export const FAILED_PART = 'coppice-part ';

/**
 * $1 uuid, $2 of the machine whose memory it has, $3 hostname, $4 MAC address, $5 of that machine, $6 user or bridge, $7 Restart or Hook.
 * One script at a time: that of a daemon that was killed may still run. The lock is a link that names its holder, since minimal guests
 * have no `flock`.
 */
export const PRELUDE = `set -eu
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
export PATH LC_ALL=C
umask 022
uuid=$1 from=$2 hostname=$3 mac=$4 from_mac=$5 network=$6 on_clone=$7
taking=${TAKING_PATH} identity=${IDENTITY_PATH}
work=/run/coppice-clone
part=start
cannot() { echo "$*" >&2; exit 1; }
value_of() {
  [ -f "$2" ] || return 0
  while IFS='=' read -r key value; do
    if [ "$key" = "$1" ]; then printf '%s\\n' "$value"; break; fi
  done <"$2"
}
setsid=setsid
command -v setsid >/dev/null 2>&1 || setsid='/bin/busybox setsid'
lock=/run/coppice-clone.lock
until b ln -s "$$" "$lock" 2>/dev/null; do
  holder=$(b readlink "$lock" || :)
  if [ "$holder" = "$$" ] || ! b grep -qs ${CLONE} "/proc/$holder/cmdline"; then b rm -f "$lock"; fi
  b sleep 0.1
done
trap 'code=$?; b rm -f "$lock"; [ "$code" = 0 ] || echo "${FAILED_PART}$part" >&2' EXIT
read -r boot </proc/sys/kernel/random/boot_id
b mkdir -p /etc/coppice
b chmod 0700 /etc/coppice
is_taking() { [ "$(value_of uuid "$taking")" = "$uuid" ] && [ "$(value_of boot "$taking")" = "$boot" ]; }
is_itself() { [ "$(value_of uuid "$identity")" = "$uuid" ] && [ "$(value_of boot "$identity")" = "$boot" ]; }
find_device() {
  device=
  for folder in /sys/class/net/*; do
    [ -e "$folder/device" ] || continue
    read -r has <"$folder/address" || continue
    case $has in "$mac" | "$from_mac") device=\${folder##*/} ;; esac
  done
  [ -n "$device" ] || cannot "no network interface has the MAC address $from_mac of the machine it is made from, nor $mac"
}
`;
