import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { retriesIn, tellRetries } from '../scenarios/retries.ts';
import { DriverBed, life, lived, withEachLoader, withLinuxInHvm } from './driver-bed.ts';
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

  it('starts a VM once, finds it again without its record, and leaves nothing behind, although xl is killed, the guest reboots and libxl times out', async () => {
    const plain = aVm();
    const vm: typeof plain = {
      ...plain,
      dataDisk: { path: `${plain.directory}/data.qcow2`, format: 'qcow2' },
    };
    const half = [expect.stringContaining('--p---')];
    const one = [expect.stringContaining(vm.uuid)];
    const running = expect.objectContaining({ state: 'Running', accelerator: 'xen' });
    const start = ['startAndKillXl', 'start', 'start'] as const;
    const made = ['overlayOnNbd', 'makeDataDisk'] as const;
    const begun = await results(vm, ...made, ...start, 'domains', 'inspect', 'ping', 'dataDiskBytes');
    const base = ['nbd://127.0.0.1:10809/'];
    expect(begun).toEqual([base, null, half, null, null, one, running, 'answered', 8 * 1024 * 1024]);

    const use = ['writeDisk', 'exec', 'console', 'tail', 'reboot', 'untilEnded'] as const;
    const found = await results(vm, 'domains', 'loseRecord', 'start', 'domains', 'inspect', ...use);
    expect(found.slice(1, 3)).toEqual([null, null]);
    expect(idsOf(found[3])).toEqual(idsOf(found[0]));
    const ready = expect.stringContaining('coppice-guest ready');
    const typed = 'typed-here ConsoleUnavailable';
    expect(found.slice(4, -2)).toEqual([running, 'kept\n', '0 unchanged', typed, ready]);
    expect(found.at(-1)).toMatchObject({ state: 'Stopped', problem: { reason: 'GuestRebooted' } });

    const again = await bed.whileSlow(vm, () => results(vm, 'start', 'counts', 'domains', 'inspect', 'ping'));
    expect(again).toEqual([null, { libxl_timeouts: 1 }, one, running, 'answered']);
    expect(idsOf(again[2])).not.toEqual(idsOf(found[0]));
    expect(await bed.log()).toContain('vif-bridge online because of timeout');

    const stopped = expect.objectContaining({ state: 'Stopped' });
    const end = ['shutdown', 'inspect', 'domains', 'destroy', 'inspect'] as const;
    const ended = await results(vm, ...end, 'files', 'tail', 'endNbd');
    expect(ended).toEqual([true, stopped, [], null, null, [], ready, null]);
  });

  testCheckpoints(() => bed);

  it('tells in QEMU’s words that HVM takes no uncompressed kernel, and leaves no domain', async () => {
    const vm = aVm({ xen: { type: 'HVM' } });
    const [, refused, domains] = await results(vm, 'overlay', 'start', 'domains', 'destroy');
    expect(refused).toMatchObject({
      reason: 'VMStartFailed',
      message: expect.stringContaining('linux kernel too old to load a ram disk'),
    });
    expect(domains).toEqual([]);
  });

  it.each([
    ...(withEachLoader
      ? ([
          ['PV by GRUB in the guest', { type: 'PV', bootLoader: 'PvGrub' }, 'pv'],
          ['PV by pygrub in dom0', { type: 'PV', bootLoader: 'PyGrub' }, 'pv'],
        ] as const)
      : []),
    ['PVH by GRUB in the guest', { type: 'PVH', bootLoader: 'PvGrub' }, 'pc'],
    ...(withLinuxInHvm ? ([['HVM by firmware and GRUB', { type: 'HVM' }, 'firmware']] as const) : []),
  ] as const)('boots a guest from its own disk as %s', async (_how, xen, kind) => {
    const vm = aVm({ boot: { kind: 'firmware' }, xen });
    expect(await bed.resultsOn(await bed.bootableDisk(kind), vm, ...life)).toEqual(lived);
  });

  it('starts an HVM guest with the kernel that is given to its firmware', async () => {
    const vm = aVm({ boot: await bed.smallKernel(), xen: { type: 'HVM' } });
    const found = await results(vm, 'overlay', 'start', 'untilTold', 'destroy', 'domains');
    expect(found).toEqual([null, null, 'started from the kernel', null, []]);
  });

  it('starts an HVM guest from its CD where the disk’s boot code gives up', async () => {
    const { disk, cd } = await bed.bootableCd();
    const vm = aVm({ boot: { kind: 'firmware' }, xen: { type: 'HVM' }, cd });
    const found = await bed.resultsOn(disk, vm, 'overlay', 'start', 'untilTold', 'destroy');
    expect(found).toEqual([null, null, 'started from the CD', null]);
  });

  it('tells in pygrub’s words that there is nothing to boot on a disk, and leaves no domain', async () => {
    const vm = aVm({ boot: { kind: 'firmware' }, xen: { bootLoader: 'PyGrub' } });
    const [, refused, domains] = await results(vm, 'overlay', 'start', 'domains', 'destroy');
    expect(refused).toMatchObject({
      reason: 'VMStartFailed',
      message: expect.stringContaining('Unable to find partition containing kernel'),
    });
    expect(domains).toEqual([]);
  });
});

/** The numbers of domains, from the lines of `xl list -v`. */
function idsOf(lines: unknown): readonly string[] {
  const ids = (lines as readonly string[]).map((line) => line.split(/\s+/)[1] ?? '');
  expect(ids).toHaveLength(1);
  return ids;
}
