import { isIPv6 } from 'node:net';
import type { DesiredNetwork } from '../../host/protocol.ts';
import { canonicalAddress } from '../network/request.ts';

export type BridgedNetwork = Extract<DesiredNetwork, { mode: 'bridge' }>;

/** How the scripts show in the guest's process list. */
export const SET_NETWORK = 'coppice-set-network';
export const READ_NETWORK = 'coppice-read-network';

/** The exit code of {@link setNetworkArgv} when another machine has the address. */
export const ADDRESS_TAKEN = 17;

/** Finds the interface: a device with this MAC address. A VLAN or bridge on top of it has the same address, and no device. */
const PRELUDE = `set -eu
umask 022
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
b() { if command -v "$1" >/dev/null 2>&1; then "$@"; else /bin/busybox "$@"; fi; }
device=
for folder in /sys/class/net/*; do
  [ -e "$folder/device" ] || continue
  read -r mac <"$folder/address" || continue
  if [ "$mac" = "$1" ]; then device=\${folder##*/}; fi
done
if [ -z "$device" ]; then
  echo "no network interface has the MAC address $1" >&2
  exit 1
fi
`;

/**
 * $1 MAC, $2 -4 or -6, $3 address, $4 prefix length, $5 gateway or nothing, $6 … DNS servers. Takes every other address
 * from the interface first, so that after an interruption at any point it can be run again as a whole.
 */
const SET = `${PRELUDE}
put() { if [ -e "/proc/sys/net/$1" ]; then echo "$2" >"/proc/sys/net/$1"; fi; }
without_default_route() { while b ip "$1" route del default dev "$device" 2>/dev/null; do :; done; }
# Busybox and iputils mean the same by these options, a third arping does not.
arping() {
  if /bin/busybox arping --help >/dev/null 2>&1; then /bin/busybox arping "$@"
  elif command arping -V 2>&1 | b grep -q iputils; then command arping "$@"
  fi
}
# systemd-networkd would take the address away again, and ask a DHCP server for another.
state=/run/systemd/netif/links/$(b cat "/sys/class/net/$device/ifindex")
if [ -d /run/systemd/netif ] && ! b grep -qs '^ADMIN_STATE=unmanaged$' "$state"; then
  b mkdir -p /run/systemd/network
  printf '[Match]\\nMACAddress=%s\\n\\n[Link]\\nUnmanaged=yes\\n' "$1" >/run/systemd/network/00-coppice.network
  # Unlike a reload, it needs no D-Bus, and is over when it says so.
  systemctl try-restart systemd-networkd.service
fi
# What routers announce is not what the pool says.
put "ipv6/conf/$device/accept_ra" 0
put "ipv6/conf/$device/autoconf" 0
b ip link set dev "$device" up
b ip -4 addr flush dev "$device"
without_default_route -4
if [ -e /proc/net/if_inet6 ]; then
  b ip -6 addr flush dev "$device" scope global
  without_default_route -6
fi
if [ "$2" = -4 ]; then
  if [ "$asks" = yes ] && ! said=$(arping -D -c 1 -w 1 -I "$device" "$3" 2>&1); then
    case $said in *eply\\ from*)
      printf '%s\\n' "$said" | b grep -i 'reply from' >&2
      exit ${ADDRESS_TAKEN} ;;
    esac
  fi
  # With the link's rise the kernel tells its neighbours whose the address is now: they may remember a former holder.
  put "ipv4/conf/$device/arp_notify" 1
  b ip link set dev "$device" down
  b ip -4 addr add "$3/$4" broadcast + dev "$device"
  b ip link set dev "$device" up
else
  put "ipv6/conf/$device/disable_ipv6" 0
  # The kernel itself finds out whether the address is taken, and tells its neighbours when it is not.
  put "ipv6/conf/$device/accept_dad" 1
  put "ipv6/conf/$device/ndisc_notify" 1
  b ip -6 addr add "$3/$4" dev "$device"
fi
if [ -n "$5" ]; then b ip "$2" route replace default via "$5" dev "$device"; fi
shift 5
if [ "$#" -gt 0 ]; then
  {
    for server in "$@"; do printf 'nameserver %s\\n' "$server"; done
    if [ -r /etc/resolv.conf ]; then b grep -E '^(search|domain|options)[[:space:]]' /etc/resolv.conf || :; fi
  } >/etc/resolv.conf.coppice
  # In place of a link, too: systemd-resolved reads its servers from a file that it finds there.
  b mv /etc/resolv.conf.coppice /etc/resolv.conf
fi
`;

/** $1 MAC, $2 -4 or -6. */
const READ = `${PRELUDE}
echo "device $device"
b ip "$2" route show | while read -r to rest; do if [ "$to" = default ]; then echo "route $to $rest"; fi; done
if [ -r /etc/resolv.conf ]; then
  while read -r key value _; do if [ "$key" = nameserver ]; then echo "dns $value"; fi; done </etc/resolv.conf
fi
if [ -e /proc/net/if_inet6 ]; then
  while read -r address _ _ _ flags name; do
    if [ "$name" = "$device" ]; then echo "inet6 $address $flags"; fi
  done </proc/net/if_inet6
fi
`;

/**
 * Sets the network in the guest; ends with {@link ADDRESS_TAKEN} when another machine answers at the IPv4 address.
 * @param connected whether there is anybody to ask; the kernel of a guest that is not connected yet asks for an IPv6 address later
 */
export function setNetworkArgv(mac: string, network: BridgedNetwork, connected = true): readonly string[] {
  const { address, prefixLength, gateway = '', dns } = network;
  const values = [mac, familyOf(address), address, String(prefixLength), gateway, ...dns];
  return ['/bin/sh', '-c', `asks=${connected ? 'yes' : 'no'}\n${SET}`, SET_NETWORK, ...values];
}

/** Prints what {@link parseNetwork} reads. */
export function readNetworkArgv(mac: string, { address }: BridgedNetwork): readonly string[] {
  return ['/bin/sh', '-c', READ, READ_NETWORK, mac, familyOf(address)];
}

function familyOf(address: string): '-4' | '-6' {
  return isIPv6(address) ? '-6' : '-4';
}

/** A guest's network, as its programs and its kernel report it. */
export type GuestNetwork = {
  /** Its name for the interface. */
  readonly device: string;
  /** Of the address's family, over this interface or another. */
  readonly defaultRoutes: readonly { readonly via?: string; readonly device?: string }[];
  readonly dns: readonly string[];
  /** IPv6 addresses that are not usable yet, and those that never will be, because another machine has the same. */
  readonly tentative: readonly string[];
  readonly duplicate: readonly string[];
};

/** Flags of /proc/net/if_inet6: linux/if_addr.h, IFA_F_TENTATIVE and IFA_F_DADFAILED. */
const TENTATIVE = 0x40;
const DUPLICATE = 0x08;

export function parseNetwork(output: string): GuestNetwork {
  const lines = output.split('\n').map((line) => line.trim().split(/\s+/));
  const of = (kind: string) => lines.flatMap(([first, ...rest]) => (first === kind ? [rest] : []));
  const flagged = (flag: number) =>
    of('inet6').flatMap(([digits = '', flags = '0']) =>
      (Number.parseInt(flags, 16) & flag) === 0
        ? []
        : [canonicalAddress(digits.replaceAll(/.{4}(?=.)/g, '$&:'))],
    );
  return {
    device: of('device')[0]?.[0] ?? '',
    defaultRoutes: of('route')
      .filter(([to]) => to === 'default')
      .map((fields) => ({ ...after('via', fields, 'via'), ...after('dev', fields, 'device') })),
    dns: of('dns').flatMap(([server]) => (server === undefined ? [] : [server])),
    tentative: flagged(TENTATIVE),
    duplicate: flagged(DUPLICATE),
  };
}

function after<Key extends string>(word: string, fields: readonly string[], key: Key) {
  const at = fields.indexOf(word);
  const value = at === -1 ? undefined : fields[at + 1];
  return (value === undefined ? {} : { [key]: value }) as { readonly [K in Key]?: string };
}
