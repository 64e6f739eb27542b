import { describeBytes, formatCpu } from '../quantity.ts';
import { exclusionOf } from './free.ts';
import type { Ledger, Refused } from './ledger.ts';
import type { FreeResources } from './pool.ts';
import type { HostReason, PlacementHost, PlacementRequest, Refusal } from './types.ts';

type Reason = HostReason['reason'];
type Shortage = Extract<HostReason, { readonly free: number }>;

/** Up to this many hosts are listed one by one in the summary; more are counted by reason. */
const LISTED_ONE_BY_ONE = 4;

/** The text of a reason after a count, in the order of the summary. */
const COUNTED: ReadonlyMap<Reason, string> = new Map([
  ['InsufficientMemory', 'too little memory'],
  ['InsufficientCpu', 'too little CPU'],
  ['InsufficientDisk', 'too little disk space'],
  ['PortInUse', 'without a free port'],
  ['NotReady', 'not ready'],
  ['NotAppointed', 'not appointed'],
  ['SelectorMismatch', 'not matching the host selector'],
  ['NoUserNetwork', 'without user networking'],
  ['NoBridge', 'without a bridge'],
  ['NoUefi', 'without UEFI'],
  ['NoDataDisks', 'without second disks'],
  ['NoScsiDisks', 'without disks at a SCSI controller'],
  ['NoCds', 'without CDs'],
  ['NoCdDrive', 'without a CD drive'],
  ['NotCapturing', 'that cannot save memory'],
  ['NoHardwareVms', 'without hardware virtualisation'],
  ['NoSharedDirectory', 'without a shared directory'],
  ['OtherSharedDirectory', 'with another shared directory'],
  ['UnknownHost', 'appointed but not registered'],
]);

/**
 * Why Algorithm 2 (SO-MVDS 4.2) returned −1 for this request: the reasons of each host, and one sentence for a condition.
 * @param free what was free on each host at that time, by the host's position
 * @param ledger what was left of the rest
 */
export function explainRefusal(
  request: PlacementRequest,
  hosts: readonly PlacementHost[],
  free: FreeResources,
  ledger: Ledger,
): Refusal {
  const reasons = hosts.flatMap((host, index) => {
    const lacks = ledger.lacksOf(request, index);
    return reasonsOf(request, host, free.cpu[index] as number, free.memory[index] as number, lacks);
  });
  const known = new Set(hosts.map(({ name }) => name));
  for (const host of new Set(request.hosts)) {
    if (!known.has(host))
      reasons.push({ host, reason: 'UnknownHost', message: 'is appointed but not registered' });
  }
  return { reasons, summary: summarise(reasons, hosts.length) };
}

/** Why the host does not qualify, given what is free on it and what it lacks; empty when it does. */
export function reasonsOf(
  request: PlacementRequest,
  host: PlacementHost,
  freeCpu: number,
  freeMemory: number,
  lacks: readonly Refused[],
): HostReason[] {
  const name = host.name;
  const exclusion = exclusionOf(request, host);
  switch (exclusion) {
    case 'NotReady':
      return [{ host: name, reason: exclusion, message: 'is not ready' }];
    case 'NotAppointed':
      return [{ host: name, reason: exclusion, message: 'is not among the appointed hosts' }];
    case 'SelectorMismatch':
      return [{ host: name, reason: exclusion, message: 'does not match the host selector' }];
    case 'NoUserNetwork':
      return [{ host: name, reason: exclusion, message: 'has no user networking' }];
    case 'NoBridge':
      return [{ host: name, reason: exclusion, message: 'has no bridge (coppice hostd --bridge)' }];
    case 'NoUefi':
    case 'NoDataDisks':
    case 'NoScsiDisks':
    case 'NoCds':
    case 'NoCdDrive':
    case 'NotCapturing':
    case 'NoSharedDirectory':
    case 'OtherSharedDirectory':
      return [{ host: name, reason: exclusion, message: LACKING_TEXTS[exclusion] }];
    case 'NoHardwareVms':
      return [{ host: name, reason: exclusion, message: withoutHardwareVms(request) }];
    case null:
      return [
        ...memoryShortage(name, freeMemory, request),
        ...cpuShortage(name, freeCpu, request),
        ...lacks.map((lack) => ({ host: name, ...lack })),
      ];
  }
}

const LACKING_TEXTS = {
  NoUefi: 'has no UEFI (Debian: apt-get install ovmf; Xen hosts have none)',
  NoDataDisks: 'has a daemon that knows no second disks (upgrade it)',
  NoScsiDisks:
    'has no disks at a SCSI controller (Xen hosts have none; a daemon without them is to be upgraded)',
  NoCds: 'has a daemon that knows no CDs (upgrade it)',
  NoCdDrive:
    'has no CD drive for a guest that no firmware starts (Xen hosts have one for type HVM alone; a daemon without them is to be ' +
    'upgraded)',
  NotCapturing: 'cannot save the memory of VMs (QEMU hosts can; a daemon that is older is to be upgraded)',
  NoSharedDirectory:
    'shares no directory with other hosts, which a template of mode Shared needs (coppice hostd --shared-directory)',
  OtherSharedDirectory: 'shares another directory than the one that has the template',
} as const;

function withoutHardwareVms({ guestType }: PlacementRequest): string {
  return `has no hardware virtualisation, which a guest of type ${guestType} needs under Xen`;
}

function memoryShortage(host: string, free: number, { memoryBytes: needed }: PlacementRequest): Shortage[] {
  if (free > needed) return [];
  const message = `has too little memory: ${describeAmount('InsufficientMemory', free, needed)}`;
  return [{ host, reason: 'InsufficientMemory', free, needed, message }];
}

function cpuShortage(host: string, free: number, { cpuMillis: needed }: PlacementRequest): Shortage[] {
  if (free > needed) return [];
  const message = `has too little CPU: ${describeAmount('InsufficientCpu', free, needed)}`;
  return [{ host, reason: 'InsufficientCpu', free, needed, message }];
}

/** "More than", because Algorithm 2 compares strictly: a host with exactly the requested amount does not qualify. */
function describeAmount(reason: Shortage['reason'], free: number, needed: number): string {
  return reason === 'InsufficientMemory'
    ? `${describeBytes(free)} free, more than ${describeBytes(needed)} needed`
    : `${formatCpu(Math.max(0, free))} free, more than ${formatCpu(needed)} needed`;
}

function summarise(reasons: readonly HostReason[], hosts: number): string {
  if (reasons.length === 0) return 'no host is registered';
  if (hosts <= LISTED_ONE_BY_ONE) {
    return `0/${hosts} hosts fit: ${reasons.map(({ host, message }) => `${host} ${message}`).join('; ')}`;
  }
  const parts: string[] = [];
  for (const [reason, text] of COUNTED) {
    const same = reasons.filter((candidate) => candidate.reason === reason);
    if (same.length > 0) parts.push(`${same.length} ${text}${nearest(same)}${portHolder(same)}`);
  }
  return `0/${hosts} hosts fit: ${parts.join(', ')}`;
}

/** The appliance that the message names as the port's holder: one of those that have it. */
function portHolder([first]: readonly HostReason[]): string {
  return first?.reason === 'PortInUse' ? ` (${first.host} ${first.message})` : '';
}

/** The host that came nearest to fitting, so that a person sees how much is missing. */
function nearest(reasons: readonly HostReason[]): string {
  const shortages = reasons.filter((reason) => 'free' in reason);
  const [first] = shortages;
  if (first === undefined) return '';
  const best = shortages.reduce((most, next) => (next.free > most.free ? next : most), first);
  return ` (most free ${best.host}: ${describeAmount(best.reason, best.free, best.needed)})`;
}
