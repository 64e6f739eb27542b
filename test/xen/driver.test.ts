import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VmSpec } from '../../src/hostd/drivers/driver.ts';
import { buildGuestImage, type GuestImage } from '../e2e/guest-vm.ts';
import { Dom0 } from './dom0.ts';
import type { DriverStep } from './driver-program.ts';
import { repository } from './image.ts';

const GUEST = '/root/guest';
const program = '/coppice/test/xen/driver-program.ts';
const limitMs = 800_000;

describe('the Xen driver in a real dom0', () => {
  let dom0: Dom0;
  let image: GuestImage;

  beforeAll(async () => {
    image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    dom0 = await Dom0.boot();
    await dom0.run(['/bin/mkdir', '-p', GUEST]);
    await mkdir(dom0.folder, { recursive: true });
    for (const [name, path] of [
      ['disk.qcow2', image.disk],
      ['kernel', image.kernel],
      ['initrd', image.initrd],
    ] as const) {
      await dom0.copyIn(path, `${GUEST}/${name}`);
    }
  });

  afterAll(() => dom0?.close());

  function aVm(): VmSpec {
    const uuid = randomUUID();
    const directory = `/var/lib/coppice/appliances/${uuid}`;
    return {
      uuid,
      domain: `test.vm.${uuid.slice(0, 8)}`,
      directory,
      vcpus: 1,
      memoryBytes: 128 * 1024 * 1024,
      disk: { path: `${directory}/disk.qcow2`, format: 'qcow2' },
      boot: {
        kind: 'direct',
        kernel: `${GUEST}/kernel`,
        initrd: `${GUEST}/initrd`,
        commandLine: `${image.kernelArguments} coppice.ip=none`,
      },
      network: {
        mode: 'bridge',
        mac: `00:16:3e:${uuid.slice(0, 2)}:${uuid.slice(2, 4)}:${uuid.slice(4, 6)}`,
        bridge: 'br0',
      },
    };
  }

  /** What came of each step, in one process in dom0. */
  async function results(vm: VmSpec, ...steps: readonly DriverStep[]): Promise<readonly unknown[]> {
    const argv = [program, JSON.stringify(steps), JSON.stringify(vm), `${GUEST}/disk.qcow2`];
    return JSON.parse(await dom0.run(['/usr/bin/node', ...argv], limitMs)) as readonly unknown[];
  }

  it('starts a VM once, speaks to its guest and its console, and leaves nothing of it', async () => {
    const vm = aVm();
    const begun = await results(vm, 'overlay', 'start', 'start', 'domains', 'inspect', 'ping');
    expect(begun.slice(0, 3)).toEqual([null, null, null]);
    expect(begun[3]).toHaveLength(1);
    expect(begun[4]).toMatchObject({ state: 'Running', accelerator: 'xen' });
    expect(begun[5]).toBe('answered');

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
});
