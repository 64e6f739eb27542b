import { describe, expect, it } from 'vitest';
import type { VmSpec } from '../../driver.ts';
import type { Surroundings } from '../command-line.ts';
import type { Hypervisor } from '../detect.ts';
import { asKey, differenceOf, keyOfArguments, nameOfKey } from './key.ts';

const hypervisor: Hypervisor = {
  program: '/usr/bin/qemu-system-x86_64',
  version: '7.2.22',
  machineType: 'pc-i440fx-7.2',
  accelerator: 'tcg',
  sandbox: true,
};
const surroundings: Surroundings = { machineType: hypervisor.machineType };

const vm: VmSpec = {
  uuid: '6a0ef1b5-94a1-4d3b-8f3d-0a5b0f8a3c11',
  domain: 'shop.web-0.6a0ef1b5',
  directory: '/state/appliances/6a0ef1b5',
  vcpus: 2,
  memoryBytes: 128 * 1024 * 1024,
  disk: { path: '/state/appliances/6a0ef1b5/disk.qcow2', format: 'qcow2', layers: ['/layers/a'] },
  boot: { kind: 'direct', kernel: '/layers/k', initrd: '/layers/i', commandLine: 'console=ttyS0' },
  network: {
    mode: 'user',
    mac: '52:54:00:00:00:01',
    forwards: [{ address: '127.0.0.1', hostPort: 20080, guestPort: 80 }],
  },
  identities: { disk: 'a'.repeat(64), kernel: 'b'.repeat(64) },
};

function nameOf(
  change: Partial<VmSpec> = {},
  host: Partial<Hypervisor> = {},
  around: Surroundings = surroundings,
): string {
  return nameOfKey(keyOfArguments({ ...vm, ...change }, { ...hypervisor, ...host }, around));
}

describe('the key of a checkpoint', () => {
  it('is the same for VMs of one kind, whatever is their own', () => {
    const other: VmSpec = {
      ...vm,
      uuid: 'another',
      domain: 'another',
      directory: '/elsewhere',
      capturable: true,
      disk: { path: '/elsewhere/d', format: 'qcow2', layers: ['/checkpoint/disk.qcow2', '/layers/a'] },
      boot: { kind: 'direct', kernel: '/l/k', initrd: '/l/i', commandLine: 'console=ttyS0' },
      network: { mode: 'user', mac: '52:54:00:00:00:02', forwards: [] },
    };
    expect(nameOf(other)).toBe(nameOf());
    const restored = { file: '/checkpoint/memory', canBeReadOnly: true };
    expect(nameOf({}, {}, { ...surroundings, restored })).toBe(nameOf());
  });

  it('differs with all that a guest sees, and with what QEMU makes of it', () => {
    const data = { path: '/d', format: 'qcow2' } as const;
    const bridge = { mode: 'bridge', mac: '52:54:00:00:00:01', bridge: 'br0' } as const;
    const all = [
      nameOf(),
      nameOf({ vcpus: 1 }),
      nameOf({ memoryBytes: 2 * vm.memoryBytes }),
      nameOf({ dataDisk: data }),
      nameOf({ diskBus: 'scsi' }),
      nameOf({ cd: '/cd' }),
      nameOf({ seed: '/seed' }),
      nameOf({ boot: { kind: 'firmware' } }),
      nameOf({ boot: { kind: 'firmware', firmware: 'uefi' } }, {}, { ...surroundings, uefiCode: '/code' }),
      nameOf({ boot: { ...vm.boot, kind: 'direct', kernel: '/layers/k', commandLine: 'quiet' } }),
      nameOf({ network: bridge }),
      nameOf({ network: bridge }, {}, { ...surroundings, mtu: 9000 }),
      nameOf({ identities: { disk: 'c'.repeat(64) } }),
      nameOf({}, { version: '7.2.23' }),
      nameOf({}, { accelerator: 'kvm' }),
      nameOf({}, { sandbox: false }),
      nameOf({}, {}, { machineType: 'pc-i440fx-8.0' }),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it('says what differs, with digests cut short', () => {
    const key = keyOfArguments(vm, hypervisor, surroundings);
    expect(differenceOf(key, { ...key })).toBeUndefined();
    expect(differenceOf(key, keyOfArguments(vm, { ...hypervisor, version: '8.2.0' }, surroundings))).toBe(
      'it was saved with QEMU 7.2.22, here 8.2.0',
    );
    const { QEMU: _, ...without } = key;
    expect(differenceOf(without, key)).toBe('it was saved with QEMU none, here 7.2.22');
    const scsi = keyOfArguments({ ...vm, diskBus: 'scsi' }, hypervisor, surroundings);
    expect(differenceOf(key, scsi)).toMatch(
      /^it was saved with arguments [0-9a-f]{12}…, here [0-9a-f]{12}…$/,
    );
  });

  it('is read as it was written, and nothing else is', () => {
    const key = keyOfArguments(vm, hypervisor, surroundings);
    expect(asKey(JSON.parse(JSON.stringify(key)))).toEqual(key);
    for (const read of [undefined, 'key', ['key'], { QEMU: 7 }]) expect(asKey(read)).toBeUndefined();
  });
});
