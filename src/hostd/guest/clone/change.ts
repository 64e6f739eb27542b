import { SET_HOSTNAME } from '../../../domain/services/guest-config.ts';
import { REMOVE_LEASES, RENEW_SSH_KEYS, SET_MACHINE_ID } from '../machine-files.ts';
import { STOP_SERVICES } from './processes.ts';
import { RESEED_FAULTS, RESEED_FORMAT } from './reseed-program.ts';

/** What a clone has to itself; errors name these. */
export type PartName =
  | ('start' | 'services' | 'random' | 'clock' | 'hostname' | 'machine-id' | 'ssh')
  | ('cloud-init' | 'dhcp' | 'mac' | 'network' | 'identity' | 'tell');

/** What {@link changeScript} prints when nothing is left to do. */
export const TAKEN = 'taken';

type Part = { readonly name: PartName; readonly text: string };

/** Of the files that two clones would share: their digests, before anything is changed, so that a second attempt still knows them. */
const START = `if is_itself && [ ! -f "$taking" ]; then echo ${TAKEN}; exit 0; fi
if ! is_taking; then
  b rm -rf "$work"
  {
    printf 'uuid=%s\\nboot=%s\\n' "$uuid" "$boot"
    for file in /etc/ssh/ssh_host_*_key /etc/dropbear/dropbear_*_host_key /var/lib/systemd/random-seed /var/lib/urandom/random-seed; do
      if [ -f "$file" ]; then echo "shared=$(b sha256sum <"$file")"; fi
    done
  } >"$taking.new"
  b chmod 0600 "$taking.new"
  b mv -f "$taking.new" "$taking"
fi
b mkdir -p "$work"
b chmod 0700 "$work"
`;

const faults = Object.entries(RESEED_FAULTS)
  .map(([code, why]) => `    ${code}) cannot '${why}' ;;\n`)
  .join('');

/**
 * Reads the seed from the script's own input. /run and /tmp may forbid programs: another folder is tried then. A folder that is made here
 * is nobody else's. What the next boot begins with is new, too.
 */
const RANDOM = `[ "$(b uname -m)" = x86_64 ] || cannot 'the program that reseeds a kernel is for x86-64'
code=126
for folder in /run /dev/shm /tmp /var/lib /root; do
  [ "$code" = 126 ] && [ -d "$folder" ] || continue
  folder=$folder/coppice-reseed.$$
  b mkdir -m 0700 "$folder" 2>/dev/null || continue
  printf '${RESEED_FORMAT}' >"$folder/reseed"
  b chmod 0700 "$folder/reseed"
  code=0
  "$folder/reseed" 2>/dev/null || code=$?
  b rm -rf "$folder"
done
case $code in
    0) ;;
${faults}    126) cannot 'no folder of the guest lets a program run' ;;
    *) cannot "the program that reseeds the kernel ended with exit code $code" ;;
esac
[ -n "$(value_of reseeded "$taking")" ] || echo reseeded=yes >>"$taking"
for seed in /var/lib/systemd/random-seed /var/lib/urandom/random-seed; do
  [ -f "$seed" ] || continue
  b dd if=/dev/urandom of="$seed.new" bs=512 count=1 2>/dev/null
  b chmod 0600 "$seed.new"
  b mv -f "$seed.new" "$seed"
done
b rm -rf /var/lib/seedrng
`;

/** $8: see `bootedAt`. A leading zero would make the hundredths an octal number. */
const CLOCK = `[ -n "$8" ] || cannot 'it does not say for how long it has run'
read -r up rest </proc/uptime
b date -u -s "@$((($8 + \${up%.*} * 100 + 1\${up#*.} - 50) / 100))" >/dev/null
`;

const SSH = `is_shared() { b grep -qF "shared=$(b sha256sum <"$1")" "$taking"; }
renew_ssh_keys
# What runs has the old keys in its memory, also when they were replaced by an attempt before this one.
if [ -d /run/systemd/system ]; then
  for unit in ssh.service sshd.service dropbear.service; do
    if systemctl is-active --quiet "$unit"; then systemctl restart "$unit"; fi
  done
elif command -v rc-service >/dev/null 2>&1; then
  for unit in sshd dropbear; do rc-service --ifstarted "$unit" restart >/dev/null; done
elif [ -f /run/sshd.pid ] && read -r pid </run/sshd.pid && [ -d "/proc/$pid" ]; then kill -HUP "$pid"
fi
`;

/** cloud-init would take a clone for another instance at its next boot, and make keys, users and networks once more. */
const CLOUD_INIT = `if [ -d /var/lib/cloud/instances ]; then
  instance=$(b readlink -f /var/lib/cloud/instance || :)
  if [ -d "$instance" ] && [ "\${instance##*/}" != "$uuid" ]; then
    b rm -rf "/var/lib/cloud/instances/$uuid" "/var/lib/cloud/instances/$uuid.new"
    b cp -a "$instance" "/var/lib/cloud/instances/$uuid.new"
    b mv "/var/lib/cloud/instances/$uuid.new" "/var/lib/cloud/instances/$uuid"
    b ln -sfn "instances/$uuid" /var/lib/cloud/instance
  fi
  b mkdir -p /var/lib/cloud/data
  for file in /var/lib/cloud/data/instance-id /var/lib/cloud/data/previous-instance-id /run/cloud-init/.instance-id; do
    if [ -d "\${file%/*}" ]; then printf '%s\\n' "$uuid" >"$file"; fi
  done
fi
`;

/** Clients of DHCP are ended here and started by `mac`, with the arguments they had: they remember address and lease. */
const DHCP = `for file in "$work"/starting.*; do
  # Started by an attempt before this one, and not yet what it will be.
  if [ -f "$file" ] && read -r pid <"$file" && b grep -qs coppice-dhcp "/proc/$pid/cmdline"; then kill -KILL "$pid" || :; fi
done
for folder in /proc/[0-9]*; do
  name=
  read -r name 2>/dev/null <"$folder/comm" || :
  case $name in udhcpc | dhclient) ;; *) continue ;; esac
  b tr '\\0' '\\n' <"$folder/cmdline" >"$work/found"
  [ -s "$work/found" ] || continue
  digest=$(b sha256sum <"$work/found")
  b mv "$work/found" "$work/client.\${digest%% *}"
  kill -KILL "\${folder#/proc/}" 2>/dev/null || :
done
${REMOVE_LEASES}b rm -rf /run/systemd/netif/leases/*
`;

/**
 * Files that configure the network by the old address name the new one. IPv4 routes go with the link, and come back here where nobody else
 * sets them; the link-local address of IPv6 is made from the new MAC address when the link rises.
 */
const MAC = `find_device
for file in /etc/netplan/*.yaml /run/systemd/network/*.network /run/systemd/network/*.link /etc/systemd/network/*.network \\
  /etc/systemd/network/*.link /etc/network/interfaces.d/*; do
  if [ -f "$file" ] && b grep -qi "$from_mac" "$file"; then
    b sed "s/$from_mac/$mac/gI" <"$file" >"$file.new"
    b cat "$file.new" >"$file"
    b rm -f "$file.new"
  fi
done
read -r has <"/sys/class/net/$device/address"
if [ "$has" != "$mac" ]; then
  if [ ! -f "$work/routes" ]; then
    : >"$work/routes.new"
    if [ "$network" = user ] && [ ! -d /run/systemd/netif ] && [ ! -d /run/NetworkManager ]; then
      b ip -4 route show dev "$device" >"$work/routes.new"
    fi
    b mv "$work/routes.new" "$work/routes"
  fi
  b ip link set dev "$device" down
  b ip link set dev "$device" address "$mac"
fi
b ip link set dev "$device" up
if [ -f "$work/routes" ]; then
  while read -r route; do
    case $route in *' proto kernel'* | *' proto dhcp'* | '') continue ;; esac
    # shellcheck disable=SC2086 # one word for each argument
    b ip -4 route replace \${route% linkdown} dev "$device"
  done <"$work/routes"
fi
for client in "$work"/client.*; do
  [ -f "$client" ] || continue
  $setsid /bin/sh -c 'file=$1; set --; while IFS= read -r word; do set -- "$@" "$word"; done <"$file"; exec "$@"' \\
    coppice-dhcp "$client" >/dev/null 2>&1 </dev/null &
  echo "$!" >"$work/starting.\${client##*.}"
done
`;

const IDENTITY = `{
  printf 'uuid=%s\\nfrom=%s\\nboot=%s\\n' "$uuid" "$from" "$boot"
  printf 'hostname=%s\\nmac=%s\\n' "$hostname" "$mac"
} >"$identity.new"
b mv -f "$identity.new" "$identity"
b sync
`;

/** Programs that remember what they read when they started. */
const TELL = `if [ -d /run/systemd/system ]; then
  systemctl daemon-reexec
  systemctl restart systemd-journald.service
  for unit in systemd-networkd.service NetworkManager.service; do
    if systemctl is-active --quiet "$unit"; then systemctl restart "$unit"; fi
  done
fi
`;

/**
 * In this order: random numbers come before what is made of them. Each part may be repeated, whatever was done before, and however far an
 * attempt before this one came.
 */
export const PARTS: readonly Part[] = [
  { name: 'start', text: START },
  { name: 'services', text: `${STOP_SERVICES}stop_services\n` },
  { name: 'random', text: RANDOM },
  { name: 'clock', text: CLOCK },
  { name: 'hostname', text: `${SET_HOSTNAME}set_hostname "$hostname"\n` },
  { name: 'machine-id', text: `${SET_MACHINE_ID}set_machine_id "$(printf '%s' "$uuid" | b tr -d -)"\n` },
  { name: 'ssh', text: `${RENEW_SSH_KEYS}${SSH}` },
  { name: 'cloud-init', text: CLOUD_INIT },
  { name: 'dhcp', text: DHCP },
  { name: 'mac', text: MAC },
  { name: 'identity', text: IDENTITY },
  { name: 'tell', text: TELL },
];

/** The script of these parts; its arguments are those of the prelude, and $8: `bootedAt`. See {@link TAKEN}. */
export function changeScript(parts: readonly Part[]): string {
  return parts.map(({ name, text }) => `part=${name}\n${text}`).join('');
}
