import { isRecord } from '../../../../base/json.ts';
import { own } from '../../../../base/own.ts';

/** Why a domain is shut down, as reported by its guest or by Xen. */
export type ShutdownReason =
  | 'poweroff'
  | 'reboot'
  | 'suspend'
  | 'crash'
  | 'watchdog'
  | 'softReset'
  | 'unknown';

/** A domain as `xl list -v` shows it. */
export type Domain = {
  readonly id: number;
  /** Undefined while a domain is being made or taken down. */
  readonly name: string | undefined;
  readonly uuid: string;
  readonly memoryBytes: number;
  readonly paused: boolean;
  /** Set once the domain is shut down; it keeps its memory until it is destroyed. */
  readonly shutdown: ShutdownReason | undefined;
  /** The domain is being destroyed; it stays until the last program that maps its memory has unmapped it. */
  readonly dying: boolean;
  /** CPU time used, to a tenth of a second. */
  readonly cpuSeconds: number;
};

/** The host, as `xl info` reports it. */
export type XenInfo = {
  readonly version: string;
  readonly cpus: number;
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** The guest types that Xen supports here: `xen-3.0-x86_64` (PV), `hvm-3.0-x86_64` (HVM, PVH), … */
  readonly capabilities: readonly string[];
  readonly commandLine: string;
};

/**
 * Whether a domain was made but never ran: its xl was interrupted, or is still at work. Xen makes a domain paused, and unpauses it
 * at the very end.
 */
export function isUnfinished({ paused, cpuSeconds, shutdown, name }: Domain): boolean {
  return name === undefined || (shutdown === undefined && paused && cpuSeconds === 0);
}

const MIB = 1024 * 1024;

/** Name, id, memory, vCPUs, state, time, uuid, reason: columns are padded, and another's domain may have blanks in its name. */
const DOMAIN_LINE = /^(.*?)\s+(\d+)\s+(\d+)\s+(\d+)\s+([-rbpscdwS?]{6})\s+(\d+\.\d)\s+([0-9a-f-]{36})\s/;

/** The fifth letter of a domain's state, when the fourth says that the domain is shut down. */
const SHUTDOWN_REASONS: Readonly<Record<string, ShutdownReason>> = {
  '-': 'poweroff',
  r: 'reboot',
  s: 'suspend',
  c: 'crash',
  w: 'watchdog',
  S: 'softReset',
};

/** The output of `xl list -v`, Domain-0 included. Throws when a line cannot be parsed, so that no domain is overlooked. */
export function parseDomains(output: string): readonly Domain[] {
  const [header = '', ...lines] = output.split('\n').filter((line) => line.trim() !== '');
  if (!/^Name\s+ID\s+Mem\s/.test(header)) throw new Error(`xl list -v begins with ${JSON.stringify(header)}`);
  return lines.map(parseDomain);
}

function parseDomain(line: string): Domain {
  const [, name = '', id, memory, , state = '', seconds, uuid = ''] = DOMAIN_LINE.exec(line) ?? [];
  if (uuid === '') throw new Error(`xl list -v shows a domain as ${JSON.stringify(line)}`);
  return {
    id: Number(id),
    name: name === '(null)' || name === '' ? undefined : name,
    uuid,
    memoryBytes: Number(memory) * MIB,
    paused: state[2] === 'p',
    shutdown: state[3] === 's' ? (own(SHUTDOWN_REASONS, state[4] ?? '') ?? 'unknown') : undefined,
    dying: state[5] === 'd',
    cpuSeconds: Number(seconds),
  };
}

/** The output of `xl info`. Throws when a number that placement needs is missing. */
export function parseInfo(output: string): XenInfo {
  const lines = output.split('\n').map((line) => /^(\w+)\s*: ?(.*)$/.exec(line) ?? []);
  const values = new Map(lines.map(([, key = '', value = '']) => [key, value.trim()]));
  const numberOf = (key: string) => {
    const value = Number(values.get(key) || Number.NaN);
    if (!Number.isFinite(value)) throw new Error(`xl info shows no ${key}`);
    return value;
  };
  return {
    version: values.get('xen_version') || 'unknown',
    cpus: numberOf('nr_cpus'),
    totalBytes: numberOf('total_memory') * MIB,
    freeBytes: numberOf('free_memory') * MIB,
    capabilities: (values.get('xen_caps') ?? '').split(' ').filter((each) => each !== ''),
    commandLine: values.get('xen_commandline') ?? '',
  };
}

/** The files of each domain's disks, by domain id, from `xl list -l`; a half-made domain is not in that output. */
export function parseDisks(output: string): ReadonlyMap<number, readonly string[]> {
  const list: unknown = JSON.parse(output);
  if (!Array.isArray(list)) throw new Error('xl list -l printed no list');
  return new Map(list.flatMap((entry) => disksOf(entry)));
}

function disksOf(entry: unknown): [number, readonly string[]][] {
  if (!isRecord(entry) || typeof entry.domid !== 'number' || !isRecord(entry.config)) return [];
  const disks = Array.isArray(entry.config.disks) ? entry.config.disks : [];
  const paths = disks.map((disk: unknown) => (isRecord(disk) ? disk.pdev_path : undefined));
  return [[entry.domid, paths.filter((path) => typeof path === 'string')]];
}
