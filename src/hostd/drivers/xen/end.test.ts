import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../clock.ts';
import type { Driver } from '../driver.ts';
import { endCommands } from './commands.ts';
import { FakeHost } from './fake-host.ts';
import { changeState, readState } from './fake-xl.ts';

let xen: FakeHost;
beforeEach(async () => {
  xen = await FakeHost.make();
});
afterEach(() => xen.close());

describe('the end of a VM under Xen', () => {
  it('is noted when the guest powers off, and nothing of it is kept', async () => {
    await xen.driver.start(xen.vm);
    expect(await xen.driver.shutdown(xen.vm.uuid, xen.vm.directory, 30_000)).toBe(true);
    expect(readState(xen.root)).toMatchObject({
      domains: [],
      done: expect.arrayContaining(['shutdown -F 1']),
    });
    expect(await xen.state()).toBe('Stopped');
    expect(await xen.driver.shutdown(xen.vm.uuid, xen.vm.directory, 1000)).toBe(true);
  });

  it('is not waited for longer than asked when the guest is deaf, and can be had all the same', async () => {
    xen.expected('deaf');
    await xen.driver.start(xen.vm);
    expect(await xen.driver.shutdown(xen.vm.uuid, xen.vm.directory, 100)).toBe(false);
    expect(await xen.state()).toBe('Running');
    await xen.driver.destroy(xen.vm.uuid, xen.vm.directory);
    expect(readState(xen.root)).toMatchObject({ domains: [], done: expect.arrayContaining(['destroy 1']) });
    expect(await xen.state()).toBeUndefined();
  });

  it('is noted when the guest was faster than xl, which then waits in vain to be heard', async () => {
    xen.expected('hasty');
    await xen.driver.start(xen.vm);
    expect(await xen.driver.shutdown(xen.vm.uuid, xen.vm.directory, 3000)).toBe(true);
    expect(await xen.state()).toBe('Stopped');
  });

  it('is told from a crash, and from a domain that is gone with its host', async () => {
    await xen.driver.start(xen.vm);
    changeState(xen.root, { domains: [xen.aDomain({ id: 1, state: '---s--' })] });
    expect(await xen.driver.inspect(xen.vm.uuid, xen.vm.directory)).toMatchObject({
      state: 'Stopped',
      remains: true,
    });
    changeState(xen.root, { domains: [xen.aDomain({ id: 1, state: '---sc-' })] });
    expect(await xen.driver.inspect(xen.vm.uuid, xen.vm.directory)).toMatchObject({
      state: 'Crashed',
      problem: { reason: 'GuestPanicked' },
    });
    changeState(xen.root, { domains: [] });
    expect(await xen.state()).toBe('Crashed');
    await xen.driver.destroy(xen.vm.uuid, xen.vm.directory);
    expect(await xen.state()).toBeUndefined();
  });
});

describe('a memory checkpoint under Xen', () => {
  it('ends the VM, and is what it goes on from', async () => {
    const path = join(xen.root, 'checkpoint');
    await xen.driver.start(xen.vm);
    await xen.driver.checkpoints?.save(xen.vm, path);
    expect(await readFile(path, 'utf8')).toBe('memory');
    expect(await xen.state()).toBe('Stopped');
    await xen.driver.checkpoints?.restore(xen.vm, path);
    expect(await xen.driver.inspect(xen.vm.uuid, xen.vm.directory)).toMatchObject({
      state: 'Running',
      commandLine: [join(xen.root, 'xl'), 'restore', '-e', join(xen.vm.directory, 'domain.cfg'), path],
    });
  });

  it('leaves a VM running that could not be saved, and no half file', async () => {
    await xen.driver.start(xen.vm);
    xen.expected('timesOut');
    await expect(xen.driver.checkpoints?.save(xen.vm, join(xen.root, 'checkpoint'))).rejects.toMatchObject({
      reason: 'CheckpointFailed',
    });
    expect(await xen.state()).toBe('Running');
    expect(await checkpointFiles()).toEqual([]);
  });

  it.each([
    ['started', (next: Driver) => next.start(xen.vm)],
    ['destroyed', (next: Driver) => next.destroy(xen.vm.uuid, xen.vm.directory)],
  ] as const)('leaves no half file when the daemon is killed, once the VM is %s', async (_what, work) => {
    await xen.driver.start(xen.vm);
    xen.expected('slow');
    const saving = xen.driver.checkpoints?.save(xen.vm, join(xen.root, 'checkpoint')).catch(() => undefined);
    while ((await checkpointFiles()).length === 0) await delay(20);
    const note = await readFile(join(xen.vm.directory, 'domain.json'), 'utf8');
    await endCommands(systemClock, xen.vm.directory);
    await saving;
    // As it was at the moment of the kill: the daemon that lives on here has put it in order.
    await writeFile(join(xen.vm.directory, 'domain.json'), note);
    await writeFile(join(xen.root, 'checkpoint.partial'), 'mem');

    xen.expected();
    await work(xen.createDriver());
    expect(await checkpointFiles()).toEqual([]);
  });

  async function checkpointFiles(): Promise<readonly string[]> {
    return (await readdir(xen.root)).filter((name) => name.startsWith('checkpoint'));
  }
});
