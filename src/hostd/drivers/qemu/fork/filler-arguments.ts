import { isRecord } from '../../../../base/json.ts';
import { own } from '../../../../base/own.ts';
import { MEMORY } from '../command-line.ts';

/** What the filler has in place of its source's. */
export type FillerParts = {
  /** Path of the file that the memory is written to. */
  readonly memory: string;
  /** QEMU's name of the version of the machine that the source has. */
  readonly machineType: string;
  /** Of the files that the source writes to, by QEMU's names of them: of its disks, and of what UEFI remembers. */
  readonly bytes: Readonly<Record<string, number>>;
};

const flags = new Set(['-no-user-config', '-nodefaults', '-S']);
/** What the filler gets in its own way. */
const replaced = new Set(['-S', '-incoming', '-object']);
const mebibyte = 1024 * 1024;

/**
 * The arguments of a QEMU with the very devices of one that runs, which takes that one's state, but has none of what that one has open:
 * no disk, no port, no interface of the host. It never lets the guest run.
 */
export function fillerArguments(source: readonly string[], parts: FillerParts): string[] {
  const argv: string[] = [];
  for (let at = 0; at < source.length; at += 1) {
    const option = source[at] ?? '';
    const value = flags.has(option) ? undefined : source[++at];
    if (replaced.has(option)) continue;
    argv.push(option, ...(value === undefined ? [] : [changed(option, value, parts)]));
  }
  const bytes = memoryBytesOf(source);
  const file = { 'qom-type': 'memory-backend-file', id: MEMORY, size: bytes, share: true };
  const memory = JSON.stringify({ ...file, 'mem-path': parts.memory });
  return [...argv, '-object', memory, '-incoming', 'defer', '-S'];
}

function changed(option: string, value: string, { machineType, bytes }: FillerParts): string {
  switch (option) {
    case '-name':
      return value.replace(/^guest=[^,]*/, '$&.fork');
    case '-M': {
      const others = value
        .split(',')
        .slice(1)
        .filter((part) => !part.startsWith('memory-backend='));
      return [machineType, ...others, `memory-backend=${MEMORY}`].join(',');
    }
    case '-blockdev':
      return emptyInstead(value, bytes);
    case '-netdev':
      return withoutHost(value);
    default:
      return value;
  }
}

/** Nothing is read from or written to it: only its size is looked at. */
function emptyInstead(value: string, bytes: FillerParts['bytes']): string {
  const node: unknown = JSON.parse(value);
  const name = isRecord(node) ? String(node['node-name']) : '';
  const size = own(bytes, name);
  if (size === undefined) return value;
  return JSON.stringify({ driver: 'null-co', 'node-name': name, size, 'read-zeroes': true });
}

/** A back end of the same kind, because the guest's driver has agreed on what that can do: without ports, or on no bridge. */
function withoutHost(value: string): string {
  return value
    .split(',')
    .filter((part) => !part.startsWith('hostfwd=') && !part.startsWith('ifname='))
    .join(',');
}

function memoryBytesOf(source: readonly string[]): number {
  const size = /^size=(\d+)M$/.exec(source[source.indexOf('-m') + 1] ?? '')?.[1];
  if (size === undefined)
    throw new Error('its QEMU was not started by this driver: it names no size of memory');
  return Number(size) * mebibyte;
}
