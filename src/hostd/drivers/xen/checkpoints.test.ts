import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { type Behaviour, refuse } from '../../guest/testing/fake-agent.ts';
import type { Driver } from '../driver.ts';
import { readDomainRecord } from './domain/domain-record.ts';
import { FakeHost } from './testing/fake-host.ts';
import { endCommands } from './xl/commands.ts';
import { consoleStates } from './xl/testing/fake-xenstore.ts';

let xen: FakeHost;
beforeEach(async () => {
  xen = await FakeHost.make();
});
afterEach(() => xen.close());

describe('a memory checkpoint under Xen', () => {
  it('ends the VM, and is what it goes on from, with its agent', async () => {
    const agent = await started();
    await save();
    expect(agent.commands).toMatchObject([
      { execute: 'guest-exec', arguments: { path: '/bin/sh', 'capture-output': false } },
    ]);
    expect(await readFile(checkpoint(), 'utf8')).toBe('memory');
    expect(consoleStates(xen.root, 1)).toBe('none none');
    expect(await xen.state()).toBe('Stopped');

    await xen.driver.checkpoints?.restore(xen.vm, checkpoint());
    expect(await xen.driver.inspect(xen.vm.uuid, xen.vm.directory)).toMatchObject({
      state: 'Running',
      commandLine: [
        join(xen.root, 'xl'),
        'restore',
        '-e',
        join(xen.vm.directory, 'domain.cfg'),
        checkpoint(),
      ],
    });
    expect(consoleStates(xen.root, 2)).toBe('1 2');
    await xen.agent();
    await ping(xen.driver);
    expect(consoleStates(xen.root, 2)).toBe('4 4');
    expect(await readDomainRecord(xen.vm.directory)).not.toHaveProperty('consoleUnplugged');
  });

  it('leaves a VM running that could not be saved, with its agent, and no half file', async () => {
    await started();
    xen.expected('timesOut', 'works');
    await expect(save()).rejects.toMatchObject({
      reason: 'CheckpointFailed',
      message: expect.stringContaining('guest did not suspend, timed out'),
    });
    expect(xen.driver.counts?.()).toEqual({ libxl_timeouts: 1 });
    expect(await checkpointFiles()).toEqual([]);
    await ping(xen.driver);
    expect(consoleStates(xen.root, 1)).toBe('4 4');
    xen.expected();
    await save();
    expect(await xen.state()).toBe('Stopped');
  });

  it('is not made of a VM whose guest keeps the agent’s console, which then serves on', async () => {
    await started();
    await writeFile(join(xen.root, 'stubborn'), '');
    await expect(save()).rejects.toMatchObject({
      reason: 'CheckpointFailed',
      message: expect.stringContaining('the guest keeps it'),
    });
    await rm(join(xen.root, 'stubborn'));
    await ping(xen.driver);
    expect(consoleStates(xen.root, 1)).toBe('4 4');
    expect(await xen.state()).toBe('Running');
  });

  it('is refused in words where the agent may not run programs, and nothing is touched', async () => {
    await started((_command, stream) => refuse(stream, 'guest-exec is disabled'));
    await expect(save()).rejects.toMatchObject({
      reason: 'CheckpointFailed',
      message: expect.stringContaining('guest-exec is disabled'),
    });
    expect(consoleStates(xen.root, 1)).toBe('4 4');
    expect(await checkpointFiles()).toEqual([]);
  });

  it.each([
    ['started', (next: Driver) => next.start(xen.vm)],
    ['destroyed', (next: Driver) => next.destroy(xen.vm.uuid, xen.vm.directory)],
  ] as const)('leaves no half file when the daemon is killed, once the VM is %s', async (_what, work) => {
    await killedInTheMiddle();
    await work(xen.createDriver());
    expect(await checkpointFiles()).toEqual([]);
  });

  it('gives the VM its agent back when the daemon is killed, before it was started again or after', async () => {
    await killedInTheMiddle();
    const next = xen.createDriver();
    await ping(next);
    expect(consoleStates(xen.root, 1)).toBe('4 4');

    await killedInTheMiddle();
    const other = xen.createDriver();
    await other.start(xen.vm);
    await ping(other);
    expect(consoleStates(xen.root, 1)).toBe('4 4');
  });

  const checkpoint = () => join(xen.root, 'checkpoint');

  async function save(): Promise<void> {
    await xen.driver.checkpoints?.save(xen.vm, checkpoint());
  }

  async function started(onCommand?: Behaviour['onCommand']) {
    await xen.driver.start(xen.vm);
    return xen.agent({ onCommand });
  }

  async function ping(driver: Driver): Promise<void> {
    const guest = driver.guest(xen.vm.uuid, xen.vm.directory);
    await guest.ping(20_000).finally(() => guest.close());
  }

  /** A daemon and its xl, while the memory is being written. */
  async function killedInTheMiddle(): Promise<void> {
    await started();
    xen.expected('slow');
    const saving = save().catch(() => undefined);
    while ((await checkpointFiles()).length === 0) await delay(20);
    const note = await readFile(join(xen.vm.directory, 'domain.json'), 'utf8');
    await endCommands(systemClock, xen.vm.directory);
    await saving;
    // As it was at the moment of the kill: the daemon that lives on here has put it in order.
    await writeFile(join(xen.vm.directory, 'domain.json'), note);
    await writeFile(join(xen.root, 'checkpoint.partial'), 'mem');
    expect(consoleStates(xen.root, 1)).toBe('none none');
    xen.expected();
  }

  async function checkpointFiles(): Promise<readonly string[]> {
    return (await readdir(xen.root)).filter((name) => name.startsWith('checkpoint'));
  }
});
