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
  it('ends the VM, which later continues from it, with its agent', async () => {
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
    await xen.startAgent();
    await ping(xen.driver);
    expect(consoleStates(xen.root, 2)).toBe('4 4');
    expect(await readDomainRecord(xen.vm.directory)).not.toHaveProperty('consoleUnplugged');
  });

  it('leaves the VM running, with its agent and without a partial file, when the save fails', async () => {
    await started();
    xen.plan('timesOut', 'works');
    await expect(save()).rejects.toMatchObject({
      reason: 'CheckpointFailed',
      message: expect.stringContaining('guest did not suspend, timed out'),
    });
    expect(xen.driver.counts?.()).toEqual({ libxl_timeouts: 1 });
    expect(await checkpointFiles()).toEqual([]);
    await ping(xen.driver);
    expect(consoleStates(xen.root, 1)).toBe('4 4');
    xen.plan();
    await save();
    expect(await xen.state()).toBe('Stopped');
  });

  it('fails when the guest keeps the agent’s console, and the agent still works', async () => {
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

  it('is refused, and changes nothing, when the agent may not run programs', async () => {
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
  ] as const)('leaves no partial file of a killed daemon once the VM is %s', async (_what, work) => {
    await killedInTheMiddle();
    await work(xen.createDriver());
    expect(await checkpointFiles()).toEqual([]);
  });

  it('gives the VM its agent back after the daemon was killed, with or without a start of the VM', async () => {
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
    return xen.startAgent({ onCommand });
  }

  async function ping(driver: Driver): Promise<void> {
    const guest = driver.guest(xen.vm.uuid, xen.vm.directory);
    await guest.ping(20_000).finally(() => guest.close());
  }

  /** Kills a daemon and its xl while the memory is being written. */
  async function killedInTheMiddle(): Promise<void> {
    await started();
    xen.plan('slow');
    const saving = save().catch(() => undefined);
    while ((await checkpointFiles()).length === 0) await delay(20);
    const record = await readFile(join(xen.vm.directory, 'domain.json'), 'utf8');
    await endCommands(systemClock, xen.vm.directory);
    await saving;
    // The state at the moment of the kill: the daemon of this test, which lives on, has already repaired it.
    await writeFile(join(xen.vm.directory, 'domain.json'), record);
    await writeFile(join(xen.root, 'checkpoint.partial'), 'mem');
    expect(consoleStates(xen.root, 1)).toBe('none none');
    xen.plan();
  }

  async function checkpointFiles(): Promise<readonly string[]> {
    return (await readdir(xen.root)).filter((name) => name.startsWith('checkpoint'));
  }
});
