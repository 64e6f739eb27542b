import { randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { VmSpec } from '../../src/hostd/drivers/driver.ts';
import { buildGuestImage, type GuestImage } from '../e2e/guest-vm.ts';
import { retriesIn, tellRetries } from '../scenarios/retries.ts';
import { emptyIfMissing } from './bed.ts';
import { makeBootableDisk } from './bootable.ts';
import { provideProgram } from './bundle.ts';
import { Dom0 } from './dom0.ts';
import type { DriverStep } from './driver-program.ts';
import { dom0IsImpossible, repository } from './image.ts';
import { machineFiles } from './machine.ts';

const GUEST = '/root/guest';
const DISK = `${GUEST}/disk.qcow2`;
/** As boot loaders, and QEMU for HVM, take it. */
const PACKED_KERNEL = `${GUEST}/kernel.packed`;
const limitMs = 800_000;

describe('the Xen driver in a real dom0', () => {
  if (dom0IsImpossible !== undefined) {
    it('runs VMs', (context) => context.skip(dom0IsImpossible));
    return;
  }
  let dom0: Dom0;
  let program: readonly string[];
  let image: GuestImage;

  beforeAll(async () => {
    image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    dom0 = await Dom0.boot();
    program = await provideProgram(dom0, 'test/xen/driver-program.ts');
    await dom0.run(['/bin/mkdir', '-p', GUEST]);
    await mkdir(dom0.folder, { recursive: true });
    for (const [name, path] of [
      ['disk.qcow2', image.disk],
      ['kernel', image.kernel],
      ['kernel.packed', join(dirname(image.kernel), 'vmlinuz')],
      ['initrd', image.initrd],
    ] as const) {
      await dom0.copyIn(path, `${GUEST}/${name}`);
    }
  });

  afterAll(() => dom0?.close());

  let before = '';
  beforeEach(async () => {
    before = await driverLog();
  });
  afterEach(async ({ task }) => {
    console.log(`${task.name}: tried again: ${tellRetries(retriesIn(before), retriesIn(await driverLog()))}`);
  });

  async function driverLog(): Promise<string> {
    return readFile(join(dom0.folder, machineFiles.share, 'driver.log'), 'utf8').catch(emptyIfMissing);
  }

  function aVm(change: Partial<VmSpec> = {}): VmSpec {
    const uuid = randomUUID();
    const directory = `/var/lib/coppice/appliances/${uuid}`;
    return {
      uuid,
      domain: `test.vm.${uuid.slice(0, 8)}`,
      directory,
      vcpus: 1,
      memoryBytes: 128 * 1024 * 1024,
      disk: { path: `${directory}/disk.qcow2`, format: 'qcow2' },
      boot: kernelAt(`${GUEST}/kernel`),
      network: {
        mode: 'bridge',
        mac: `00:16:3e:${uuid.slice(0, 2)}:${uuid.slice(2, 4)}:${uuid.slice(4, 6)}`,
        bridge: 'br0',
      },
      ...change,
    };
  }

  function kernelAt(kernel: string): VmSpec['boot'] {
    return { kind: 'direct', kernel, initrd: `${GUEST}/initrd`, commandLine: commandLine() };
  }

  function commandLine(): string {
    return `${image.kernelArguments} coppice.ip=none`;
  }

  /** What came of each step, in one process in dom0. */
  async function results(vm: VmSpec, ...steps: readonly DriverStep[]): Promise<readonly unknown[]> {
    return resultsOn(DISK, vm, ...steps);
  }

  async function resultsOn(base: string, vm: VmSpec, ...steps: readonly DriverStep[]) {
    const argv = [...program, JSON.stringify(steps), JSON.stringify(vm), base];
    return JSON.parse(await dom0.run(argv, limitMs)) as readonly unknown[];
  }

  it('starts a VM once, finds it again without its note, speaks to its guest and its console, and leaves nothing of it', async () => {
    const vm = aVm();
    const begun = await results(vm, 'overlay', 'start', 'start', 'domains', 'inspect', 'ping');
    expect(begun.slice(0, 3)).toEqual([null, null, null]);
    expect(begun[3]).toHaveLength(1);
    expect(begun[4]).toMatchObject({ state: 'Running', accelerator: 'xen' });
    expect(begun[5]).toBe('answered');

    const found = await results(vm, 'domains', 'loseNote', 'start', 'domains', 'inspect');
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

  it('saves a VM to a file, which ends it, and makes it run on from there', async () => {
    const vm = aVm();
    const saved = await results(vm, 'overlay', 'start', 'ping', 'save', 'domains', 'inspect');
    expect(saved.slice(2)).toEqual(['answered', null, [], expect.objectContaining({ state: 'Stopped' })]);
    const restored = await results(vm, 'restore', 'domains', 'inspect', 'destroy', 'domains');
    expect(restored[0]).toBeNull();
    expect(restored[1]).toHaveLength(1);
    expect(restored[2]).toMatchObject({ state: 'Running' });
    expect(restored.slice(3)).toEqual([null, []]);
  });

  it('takes away half a domain whose xl was killed, makes a whole one, and starts a rebooted guest anew', async () => {
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

  /** From its start to its orderly end. */
  const life = [
    'overlay',
    'start',
    'ping',
    'writeDisk',
    'shutdown',
    'inspect',
    'destroy',
    'domains',
  ] as const;
  const lived = [
    null,
    null,
    'answered',
    'kept\n',
    true,
    expect.objectContaining({ state: 'Stopped' }),
    null,
    [],
  ];

  it.each([
    ['PVH', `${GUEST}/kernel`],
    ['HVM', PACKED_KERNEL],
  ] as const)('runs a guest as %s with a kernel given directly', async (type, kernel) => {
    expect(await results(aVm({ boot: kernelAt(kernel), xen: { type } }), ...life)).toEqual(lived);
  });

  it('tells in QEMU’s words that HVM takes no uncompressed kernel, and leaves no domain', async () => {
    const vm = aVm({ xen: { type: 'HVM' } });
    const [, refused, domains] = await results(vm, 'overlay', 'start', 'domains', 'destroy');
    expect(refused).toMatchObject({
      reason: 'VMStartFailed',
      message: expect.stringContaining('linux kernel too old to load a ram disk'),
    });
    expect(domains).toEqual([]);
  });

  it('runs a PV guest that its own GRUB boots from its own disk', async () => {
    const bootable = `${GUEST}/bootable.qcow2`;
    await makeBootableDisk(dom0, image, commandLine(), DISK, bootable);
    const vm = aVm({ boot: { kind: 'firmware' }, xen: { bootLoader: 'PvGrub' } });
    expect(await resultsOn(bootable, vm, ...life)).toEqual(lived);
  });
});

/** The numbers of domains, from the lines of `xl list -v`. */
function idsOf(lines: unknown): readonly string[] {
  const ids = (lines as readonly string[]).map((line) => line.split(/\s+/)[1] ?? '');
  expect(ids).toHaveLength(1);
  return ids;
}
