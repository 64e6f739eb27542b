import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isRecord } from '../../../../base/json.ts';
import { own } from '../../../../base/own.ts';
import { digestOf } from '../../../files/digest.ts';
import type { CheckpointKey } from '../../checkpoints.ts';
import type { VmDisk, VmSpec } from '../../vm.ts';
import { qemuArguments, type Surroundings } from '../command-line.ts';
import type { Hypervisor } from '../detect.ts';

/** Stands for what is a VM's own. */
const OWN = 'own';

/**
 * The key of a VM, from the very arguments that QEMU gets for it: whatever is changed about them makes other checkpoints. Only what
 * belongs to the one VM is replaced beforehand.
 */
export async function keyOf(
  vm: VmSpec,
  hypervisor: Hypervisor,
  surroundings: Surroundings,
): Promise<CheckpointKey> {
  const { uefiCode } = surroundings;
  return {
    ...keyOfArguments(vm, hypervisor, surroundings),
    ...(hypervisor.accelerator === 'kvm' ? { processor: await processor() } : {}),
    ...(uefiCode === undefined ? {} : { firmware: await digestOf(uefiCode) }),
  };
}

/** The part of the key that follows from what is known without a look at the host. */
export function keyOfArguments(
  vm: VmSpec,
  hypervisor: Hypervisor,
  surroundings: Surroundings,
): CheckpointKey {
  const { mtu, uefiCode, machineType } = surroundings;
  const argv = qemuArguments(withoutOwn(vm), hypervisor, {
    mtu,
    machineType,
    uefiCode: uefiCode === undefined ? undefined : OWN,
  });
  const { disk, dataDisk, cd, kernel, initrd } = vm.identities ?? {};
  const layers = Object.entries({ disk, dataDisk, cd, kernel, initrd });
  return {
    QEMU: hypervisor.version,
    machine: machineType ?? '',
    accelerator: hypervisor.accelerator,
    memory: String(vm.memoryBytes),
    vCPUs: String(vm.vcpus),
    arguments: sha256(JSON.stringify(argv)),
    layers: layers.map(([part, identity]) => `${part} ${identity ?? '-'}`).join(', '),
  };
}

/** The name of all checkpoints with this key: 64 hexadecimal digits. */
export function nameOfKey(key: CheckpointKey): string {
  return sha256(JSON.stringify(Object.entries(key).sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** What differs, for people; undefined when nothing does. */
export function differenceOf(saved: CheckpointKey, here: CheckpointKey): string | undefined {
  const parts = new Set([...Object.keys(saved), ...Object.keys(here)]);
  const differing = [...parts].flatMap((part) => {
    const [then, now] = [own(saved, part), own(here, part)];
    return then === now ? [] : [`${part} ${shown(then)}, here ${shown(now)}`];
  });
  return differing.length === 0 ? undefined : `it was saved with ${differing.join('; ')}`;
}

/** Of a digest, enough to tell it from another. */
function shown(value = 'none'): string {
  return value.replaceAll(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, '$1…');
}

/** A key that was written down. */
export function asKey(read: unknown): CheckpointKey | undefined {
  if (!isRecord(read)) return undefined;
  const entries = Object.entries(read).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return entries.length === Object.keys(read).length ? Object.fromEntries(entries) : undefined;
}

/** As any VM of its kind: what is left decides which devices there are, and what the guest sees of them. */
function withoutOwn(vm: VmSpec): VmSpec {
  const { dataDisk, cd, seed, boot, network } = vm;
  return {
    ...vm,
    ...{ uuid: OWN, domain: OWN, directory: OWN, capturable: true, disk: ownDisk(vm.disk) },
    ...(dataDisk === undefined ? {} : { dataDisk: ownDisk(dataDisk) }),
    ...(cd === undefined ? {} : { cd: OWN }),
    ...(seed === undefined ? {} : { seed: OWN }),
    boot:
      boot.kind === 'firmware'
        ? boot
        : { ...boot, kernel: OWN, ...(boot.initrd === undefined ? {} : { initrd: OWN }) },
    network: network.mode === 'user' ? { ...network, mac: OWN, forwards: [] } : { ...network, mac: OWN },
  };
}

/** What it stands on is in the key by the identities of layers, and a restored VM has a layer more. */
function ownDisk({ format }: VmDisk): VmDisk {
  return { path: OWN, format, layers: [] };
}

/** The processor that KVM passes on to the guest: of two hosts, or of one before and after an update of its microcode. */
async function processor(): Promise<string> {
  const wanted = /^(vendor_id|cpu family|model|model name|stepping|microcode|flags)\s*:/;
  const [first = ''] = (await readFile('/proc/cpuinfo', 'utf8')).split('\n\n');
  return sha256(
    first
      .split('\n')
      .filter((line) => wanted.test(line))
      .join('\n'),
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
