import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { retriesIn, tellRetries } from '../scenarios/retries.ts';
import { DriverBed, life, lived } from './driver-bed.ts';
import { testCheckpoints } from './driver-checkpoints.ts';
import { dom0IsImpossible } from './image.ts';

describe('the Xen driver in a real dom0', () => {
  if (dom0IsImpossible !== undefined) {
    it('runs VMs', (context) => context.skip(dom0IsImpossible));
    return;
  }
  let bed: DriverBed;
  const aVm: DriverBed['aVm'] = (change) => bed.aVm(change);
  const results: DriverBed['results'] = (vm, ...steps) => bed.results(vm, ...steps);

  let before = '';
  beforeAll(async () => {
    bed = await DriverBed.make();
  });
  afterAll(() => bed?.close());

  beforeEach(async () => {
    before = await bed.log();
  });
  afterEach(async ({ task }) => {
    console.log(`${task.name}: tried again: ${tellRetries(retriesIn(before), retriesIn(await bed.log()))}`);
  });

  it('starts a VM once, finds it again without its record, uses its agent and its console, and leaves nothing behind', async () => {
    const vm = aVm();
    const begun = await results(vm, 'overlay', 'start', 'start', 'domains', 'inspect', 'ping');
    expect(begun.slice(0, 3)).toEqual([null, null, null]);
    expect(begun[3]).toHaveLength(1);
    expect(begun[4]).toMatchObject({ state: 'Running', accelerator: 'xen' });
    expect(begun[5]).toBe('answered');

    const found = await results(vm, 'domains', 'loseRecord', 'start', 'domains', 'inspect');
    expect(found.slice(1, 3)).toEqual([null, null]);
    expect(idsOf(found[3])).toEqual(idsOf(found[0]));
    expect(found[4]).toMatchObject({ state: 'Running' });

    const used = await results(vm, 'writeDisk', 'console', 'tail', 'shutdown', 'inspect', 'domains');
    expect(used).toEqual([
      'kept\n',
      'typed-here ConsoleUnavailable',
      expect.stringContaining('coppice-guest ready'),
      true,
      expect.objectContaining({ state: 'Stopped' }),
      [],
    ]);

    const ended = await results(vm, 'destroy', 'inspect', 'files', 'tail');
    expect(ended).toEqual([null, null, [], expect.stringContaining('coppice-guest ready')]);
  });

  it('runs on an overlay whose base is an NBD export', async () => {
    const vm = aVm();
    expect(await results(vm, 'overlayOnNbd', 'start', 'ping', 'writeDisk', 'destroy', 'domains')).toEqual([
      ['nbd://127.0.0.1:10809/'],
      null,
      'answered',
      'kept\n',
      null,
      [],
    ]);
  });

  it('removes the half-made domain of a killed xl, makes a complete one, and starts a rebooted guest again', async () => {
    const vm = aVm();
    const killed = await results(vm, 'overlay', 'startAndKillXl', 'start', 'domains', 'ping');
    expect(killed[1]).toEqual([expect.stringContaining('--p---')]);
    expect(killed[2]).toBeNull();
    expect(killed[3]).toHaveLength(1);
    expect(killed[4]).toBe('answered');

    const rebooted = await results(vm, 'reboot', 'untilEnded', 'start', 'inspect', 'destroy', 'domains');
    expect(rebooted[1]).toMatchObject({ state: 'Stopped', problem: { reason: 'GuestRebooted' } });
    expect(rebooted.slice(2)).toEqual([null, expect.objectContaining({ state: 'Running' }), null, []]);
  });

  it('survives a time-out of libxl, and removes what that left', async () => {
    const vm = aVm();
    const begun = await bed.whileSlow(vm, () =>
      results(vm, 'overlay', 'start', 'counts', 'domains', 'ping', 'destroy', 'domains'),
    );
    expect(begun.slice(1, 3)).toEqual([null, { libxl_timeouts: 1 }]);
    expect(begun[3]).toHaveLength(1);
    expect(begun.slice(4)).toEqual(['answered', null, []]);
    expect(await bed.log()).toContain('vif-bridge online because of timeout');
  });

  testCheckpoints(() => bed);

  it('reports with QEMU’s output that HVM takes no uncompressed kernel, and leaves no domain', async () => {
    const vm = aVm({ xen: { type: 'HVM' } });
    const [, refused, domains] = await results(vm, 'overlay', 'start', 'domains', 'destroy');
    expect(refused).toMatchObject({
      reason: 'VMStartFailed',
      message: expect.stringContaining('linux kernel too old to load a ram disk'),
    });
    expect(domains).toEqual([]);
  });

  it.each([
    ['PV by GRUB in the guest', { type: 'PV', bootLoader: 'PvGrub' }, 'pv'],
    ['PV by pygrub in dom0', { type: 'PV', bootLoader: 'PyGrub' }, 'pv'],
    ['PVH by GRUB in the guest', { type: 'PVH', bootLoader: 'PvGrub' }, 'pc'],
    ['HVM by firmware and GRUB', { type: 'HVM' }, 'firmware'],
  ] as const)('boots a guest from its own disk as %s', async (_how, xen, kind) => {
    const vm = aVm({ boot: { kind: 'firmware' }, xen });
    expect(await bed.resultsOn(await bed.bootableDisk(kind), vm, ...life)).toEqual(lived);
  });

  it('reports with pygrub’s output that a disk has nothing to boot, and leaves no domain', async () => {
    const vm = aVm({ boot: { kind: 'firmware' }, xen: { bootLoader: 'PyGrub' } });
    const [, refused, domains] = await results(vm, 'overlay', 'start', 'domains', 'destroy');
    expect(refused).toMatchObject({
      reason: 'VMStartFailed',
      message: expect.stringContaining('Unable to find partition containing kernel'),
    });
    expect(domains).toEqual([]);
  });
});

/** Domain ids, from the lines of `xl list -v`. */
function idsOf(lines: unknown): readonly string[] {
  const ids = (lines as readonly string[]).map((line) => line.split(/\s+/)[1] ?? '');
  expect(ids).toHaveLength(1);
  return ids;
}
