import { expect, it } from 'vitest';
import type { VmSpec } from '../../src/hostd/drivers/driver.ts';
import { type DriverBed, guestFiles } from './driver-bed.ts';

/** Memory checkpoints of VMs of each type. */
export function testCheckpoints(bed: () => DriverBed): void {
  async function begin(vm: VmSpec): Promise<void> {
    const begun = await bed().results(vm, 'overlay', 'start', 'ping', 'remember');
    expect(begun).toEqual([null, null, 'answered', 'remembered\n']);
  }

  /** Saves the VM, which ends it, and restores it. */
  async function saveAndRestore(vm: VmSpec): Promise<void> {
    const saved = await bed().results(vm, 'save', 'domains', 'inspect', 'savedFiles');
    expect(saved).toEqual([null, [], expect.objectContaining({ state: 'Stopped' }), ['checkpoint']]);
    const [restored, domains, ...on] = await bed().results(
      ...([vm, 'restore', 'domains', 'inspect', 'ping', 'recall', 'writeDisk'] as const),
    );
    expect(restored).toBeNull();
    expect(domains).toHaveLength(1);
    const running = expect.objectContaining({ state: 'Running' });
    expect(on).toEqual([running, 'answered', 'remembered\n', 'kept\n']);
  }

  it('saves and restores a PV VM; keeps it usable when the disk is full, or the daemon or its xl is killed', async () => {
    const vm = bed().aVm();
    await begin(vm);
    await saveAndRestore(vm);

    const [full, ...after] = await bed().results(vm, 'saveToFullDisk', 'ping', 'recall', 'writeDisk');
    expect(full).toMatchObject({
      reason: 'CheckpointFailed',
      message: expect.stringContaining('No space left on device'),
    });
    expect(after).toEqual(['answered', 'remembered\n', 'kept\n']);

    expect(await bed().results(vm, 'saveAndDie')).toEqual(['died']);
    // Its xl finished the save, which ended the VM; nobody needs the file it wrote.
    const one = [expect.stringContaining(vm.uuid)];
    const next = await bed().results(vm, 'start', 'savedFiles', 'domains', 'ping', 'writeDisk');
    expect(next).toEqual([null, [], one, 'answered', 'kept\n']);

    const [killed, ...restarted] = await bed().results(
      ...([vm, 'saveAndKillXl', 'savedFiles', 'inspect', 'start', 'domains', 'ping'] as const),
    );
    expect(killed).toBe('CheckpointFailed');
    expect(restarted).toEqual([[], expect.objectContaining({ state: 'Paused' }), null, one, 'answered']);
    expect(await bed().results(vm, 'destroy', 'domains')).toEqual([null, []]);
  });

  it.each([
    ['PVH', guestFiles.kernel],
    ['HVM', guestFiles.packedKernel],
  ] as const)('saves and restores a %s VM that boots a kernel directly', async (type, kernel) => {
    const vm = bed().aVm({ boot: bed().kernelAt(kernel), xen: { type } });
    await begin(vm);
    await saveAndRestore(vm);
    const ended = await bed().results(vm, 'shutdown', 'inspect', 'destroy', 'domains');
    expect(ended).toEqual([true, expect.objectContaining({ state: 'Stopped' }), null, []]);
  });
}
