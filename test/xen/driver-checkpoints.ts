import { expect, it } from 'vitest';
import type { VmSpec } from '../../src/hostd/drivers/vm.ts';
import { type DriverBed, guestFiles, withLinuxInHvm } from './driver-bed.ts';
import type { DriverStep } from './driver-program.ts';

/** Memory checkpoints of VMs of each type. */
export function testCheckpoints(bed: () => DriverBed): void {
  /** Starts a VM and saves it to a file, which ends it. */
  async function beginAndSave(vm: VmSpec): Promise<void> {
    const begun = await bed().results(
      ...([vm, 'overlay', 'start', 'ping', 'remember', 'save', 'domains', 'inspect', 'savedFiles'] as const),
    );
    const stopped = expect.objectContaining({ state: 'Stopped' });
    const saved = [null, [], stopped, ['checkpoint']];
    expect(begun).toEqual([null, null, 'answered', 'remembered\n', ...saved]);
  }

  /** Restores the VM, then carries out `next`; resolves with the results of `next`. */
  async function restore(vm: VmSpec, ...next: readonly DriverStep[]): Promise<readonly unknown[]> {
    const [restored, domains, ...on] = await bed().results(
      ...([vm, 'restore', 'domains', 'inspect', 'ping', 'recall', 'writeDisk', ...next] as const),
    );
    expect(restored).toBeNull();
    expect(domains).toHaveLength(1);
    const running = expect.objectContaining({ state: 'Running' });
    expect(on.slice(0, 4)).toEqual([running, 'answered', 'remembered\n', 'kept\n']);
    return on.slice(4);
  }

  it('saves and restores a PV VM; keeps it usable when the disk is full, or the daemon or its xl is killed', async () => {
    const vm = bed().aVm();
    await beginAndSave(vm);
    const [full, ...after] = await restore(
      ...([vm, 'saveToFullDisk', 'ping', 'recall', 'writeDisk', 'saveAndDie'] as const),
    );
    expect(full).toMatchObject({
      reason: 'CheckpointFailed',
      message: expect.stringContaining('No space left on device'),
    });
    expect(after).toEqual(['answered', 'remembered\n', 'kept\n', 'died']);

    // Its xl finished the save, which ended the VM; nobody needs the file it wrote.
    const one = [expect.stringContaining(vm.uuid)];
    const next = await bed().results(
      ...([
        vm,
        'start',
        'savedFiles',
        'domains',
        'ping',
        'writeDisk',
        'saveAndKillXl',
        'savedFiles',
      ] as const),
      ...(['inspect', 'start', 'domains', 'ping', 'destroy', 'domains'] as const),
    );
    const paused = expect.objectContaining({ state: 'Paused' });
    const killed = ['CheckpointFailed', [], paused, null, one, 'answered', null, []];
    expect(next).toEqual([null, [], one, 'answered', 'kept\n', ...killed]);
  });

  it.each([
    ['PVH', guestFiles.kernel],
    ...(withLinuxInHvm ? ([['HVM', guestFiles.packedKernel]] as const) : []),
  ] as const)('saves and restores a %s VM that boots a kernel directly', async (type, kernel) => {
    const vm = bed().aVm({ boot: bed().kernelAt(kernel), xen: { type } });
    await beginAndSave(vm);
    const ended = await restore(vm, 'shutdown', 'inspect', 'destroy', 'domains');
    expect(ended).toEqual([true, expect.objectContaining({ state: 'Stopped' }), null, []]);
  });
}
