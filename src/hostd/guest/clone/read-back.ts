import type { GuestInterface } from '../guest.ts';
import type { PartName } from './change.ts';
import type { CloneIdentity } from './types.ts';

/** What the guest itself says, a line each; arguments as of the prelude. It changes nothing, and needs no lock. */
export const READ_BACK = `set -eu
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
export PATH LC_ALL=C
taking=/etc/coppice/identity.taking
say() { if [ -f "$2" ]; then read -r value <"$2" || :; echo "$1 $value"; fi; }
value=
say hostname /proc/sys/kernel/hostname
say hostname-file /etc/hostname
say machine-id /etc/machine-id
say dbus-id /var/lib/dbus/machine-id
say boot /proc/sys/kernel/random/boot_id
say instance /var/lib/cloud/data/instance-id
if [ -d /var/lib/cloud/instance ]; then echo "instance-folder $(b readlink -f /var/lib/cloud/instance)"; fi
for folder in /sys/class/net/*; do
  if [ -e "$folder/device" ]; then say "mac" "$folder/address"; fi
done
for file in /etc/ssh/ssh_host_*_key /etc/dropbear/dropbear_*_host_key /var/lib/systemd/random-seed /var/lib/urandom/random-seed; do
  [ -f "$file" ] || continue
  if b grep -qF "shared=$(b sha256sum <"$file")" "$taking"; then echo "shared $file"; fi
done
while IFS='=' read -r key value; do
  case $key in reseeded) echo "reseeded $value" ;; uuid) echo "taking $value" ;; esac
done <"$taking"
while IFS='=' read -r key value; do
  case $key in uuid | boot) echo "identity-$key $value" ;; esac
done </etc/coppice/identity
read -r up rest </proc/uptime
echo "up $up"
echo "time $(b date +%s)"
`;

/** One thing that is not as it was set. */
export type Fault = { readonly part: PartName; readonly why: string };

type Told = Answer & { readonly output: string; readonly interfaces: readonly GuestInterface[] };

/** The guest sets whole seconds, by an answer that took a while. */
const CLOCK_TOLERANCE_MS = 2_000;

/** What the guest says is not as the identity says. The network of a bridge is another matter. */
export function faultsIn(
  clone: CloneIdentity,
  { output, interfaces, asked, answered }: Told,
): readonly Fault[] {
  const lines = output.split('\n').map((line) => line.trim());
  const of = (key: string) =>
    lines.flatMap((line) => (line.startsWith(`${key} `) ? [line.slice(key.length + 1)] : []));
  const machineId = clone.uuid.replaceAll('-', '');
  const must = (part: PartName, key: string, wanted: string): readonly Fault[] => {
    const found = of(key)[0];
    return found === wanted ? [] : [{ part, why: `its ${key} is ${found ?? 'missing'}, and not ${wanted}` }];
  };
  const may = (part: PartName, key: string, wanted: string) =>
    of(key).length === 0 ? [] : must(part, key, wanted);
  return [
    ...must('random', 'reseeded', 'yes'),
    ...of('shared').map((file) => ({
      part: file.includes('seed') ? ('random' as const) : ('ssh' as const),
      why: `${file} is still that of the machine it is made from`,
    })),
    ...clockFaults(Number(of('time')[0]) * 1000, asked, answered),
    ...must('hostname', 'hostname', clone.hostname),
    ...must('hostname', 'hostname-file', clone.hostname),
    ...may('machine-id', 'machine-id', machineId),
    ...may('machine-id', 'dbus-id', machineId),
    ...may('cloud-init', 'instance', clone.uuid),
    ...may('cloud-init', 'instance-folder', `/var/lib/cloud/instances/${clone.uuid}`),
    ...macFaults(clone, of('mac'), interfaces),
    ...must('identity', 'identity-uuid', clone.uuid),
    ...must('identity', 'identity-boot', of('boot')[0] ?? 'that of this boot'),
    ...must('identity', 'taking', clone.uuid),
  ];
}

/** Whether the fault is one of the clock, which a busy host makes late: it is set again. */
export function isOfClock({ part }: Fault): boolean {
  return part === 'clock';
}

function clockFaults(time: number, asked: number, answered: number): readonly Fault[] {
  if (time >= asked - CLOCK_TOLERANCE_MS && time <= answered + CLOCK_TOLERANCE_MS) return [];
  const offMs = Number.isFinite(time) ? Math.round(time - answered) : 'unknown';
  return [{ part: 'clock', why: `its clock is ${offMs} ms from the host's` }];
}

/** By two witnesses: the kernel's files, and the agent's own list. The old link-local address is made from the old MAC address. */
function macFaults(
  { mac, from }: CloneIdentity,
  macs: readonly string[],
  interfaces: readonly GuestInterface[],
): readonly Fault[] {
  const all = [...macs, ...interfaces.map((each) => each.mac ?? '')];
  if (!macs.includes(mac) || !interfaces.some((each) => each.mac === mac))
    return [{ part: 'mac', why: `none of its network interfaces has ${mac}` }];
  if (from.mac !== mac && all.includes(from.mac))
    return [{ part: 'mac', why: `a network interface has ${from.mac}, of the machine it is made from` }];
  const old = linkLocalOf(from.mac);
  const keeps =
    from.mac !== mac &&
    interfaces.some(({ addresses }) => addresses.some(({ address }) => address.toLowerCase() === old));
  return keeps
    ? [{ part: 'mac', why: `an interface has ${old}, which the machine it is made from has` }]
    : [];
}

/** The address that IPv6 makes from a MAC address (RFC 4291, appendix A), as the kernel writes it. */
export function linkLocalOf(mac: string): string {
  const bytes = mac.split(':').map((each) => Number.parseInt(each, 16));
  const [first = 0, second = 0, third = 0, ...rest] = bytes;
  const all = [first ^ 2, second, third, 0xff, 0xfe, ...rest];
  const groups = [0, 2, 4, 6].map((at) => ((all[at] ?? 0) * 256 + (all[at + 1] ?? 0)).toString(16));
  return `fe80::${groups.join(':')}`;
}

/** When the guest was asked and had answered, by the host's clock, in milliseconds. */
export type Answer = { readonly asked: number; readonly answered: number };

/**
 * The time at which the guest's kernel would have begun, by the host's clock, in hundredths of a second since 1970. However late the guest
 * sets its clock by it, it is as right as the answer was quick. @param uptime what the guest answered, in seconds
 */
export function bootedAt({ asked, answered }: Answer, uptime: string): string {
  const booted = (asked + answered) / 20 - Number(uptime) * 100;
  return Number.isFinite(booted) ? String(Math.round(booted)) : '';
}
