import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../clock.ts';
import type { Driver, VmSpec } from '../driver.ts';
import { endCommands } from './commands.ts';
import { createXenDriver } from './driver.ts';
import { changeState, emptyState, type FakeDomain, type Outcome, readState } from './fake-xl.ts';

const UUID = '00000000-0000-4000-8000-000000000001';
const OTHER = '00000000-0000-4000-8000-000000000002';

const bridge = { ifname: 'br0', mtu: 1500, flags: ['UP'], linkinfo: { info_kind: 'bridge' } };
const vif = (_: unknown, id: number) => ({ ifname: `vif${id}.0`, mtu: 1500, flags: ['UP'], master: 'br0' });

let root: string;
let driver: Driver;
let vm: VmSpec;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'coppice-xen-'));
  changeState(root, emptyState);
  await writeProgram('xl', [process.execPath, fileURLToPath(new URL('./fake-xl.ts', import.meta.url)), root]);
  await writeProgram('xenstore-read', ['echo', '1795620957.58', '#']);
  await writeProgram('ip', ['echo', JSON.stringify([bridge, ...Array.from({ length: 9 }, vif)]), '#']);
  driver = createDriver();
  const directory = join(root, 'state/appliances', UUID);
  await mkdir(directory, { recursive: true });
  vm = {
    uuid: UUID,
    domain: 'default.web-0.00000000',
    directory,
    vcpus: 1,
    memoryBytes: 128 * 1024 * 1024,
    disk: { path: join(directory, 'disk.qcow2'), format: 'qcow2' },
    boot: { kind: 'direct', kernel: '/l/kernel', commandLine: 'console=hvc0' },
    network: { mode: 'bridge', mac: '00:16:3e:01:02:03', bridge: 'br0' },
  };
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function writeProgram(name: string, command: readonly string[]): Promise<void> {
  await writeFile(
    join(root, name),
    `#!/bin/sh\nexec ${command.map((word) => (word === '#' ? word : `'${word}'`)).join(' ')} "$@"\n`,
  );
  await chmod(join(root, name), 0o755);
}

/** `napping` is called at each pause: what waits for others has pauses. */
function createDriver(napping: () => void = () => undefined): Driver {
  return createXenDriver({
    // Pauses are short here; the limits on what hangs are not.
    clock: {
      ...systemClock,
      sleep: (ms, signal) => {
        napping();
        return systemClock.sleep(ms > 60_000 ? ms : Math.min(ms, 20), signal);
      },
    },
    log: pino({ level: 'silent' }),
    searchPath: `${root}:${process.env.PATH}`,
    xlConfiguration: join(root, 'xl.conf'),
    socketDirectory: join(root, 'sockets'),
  });
}

const expected = (...outcomes: readonly Outcome[]) => changeState(root, { outcomes });
const state = async () => (await driver.inspect(vm.uuid, vm.directory))?.state;

async function anotherVm(): Promise<VmSpec> {
  const directory = join(root, 'state/appliances', OTHER);
  await mkdir(directory, { recursive: true });
  const disk = { ...vm.disk, path: join(directory, 'disk.qcow2') };
  return { ...vm, uuid: OTHER, domain: 'default.web-1.00000000', directory, disk };
}

function aDomain(change: Partial<FakeDomain> = {}): FakeDomain {
  const { uuid, domain, disk } = vm;
  return { id: 7, name: domain, uuid, state: '-b----', seconds: '1.2', disk: disk.path, ...change };
}

describe('starting a VM under Xen', () => {
  it('makes one domain, and none when it runs already', async () => {
    await driver.start(vm);
    await driver.start(vm);
    expect(readState(root).done).toEqual(['create default.web-0.00000000']);
    expect(await driver.inspect(vm.uuid, vm.directory)).toMatchObject({
      state: 'Running',
      accelerator: 'xen',
      startedAt: '2026-11-25T15:35:57.580Z',
      commandLine: [join(root, 'xl'), 'create', '-e', join(vm.directory, 'domain.cfg')],
    });
  });

  it('bears libxl’s time-outs, takes half domains away before it tries again, and counts them', async () => {
    expected('half', 'timesOut', 'works');
    await driver.start(vm);
    const { domains, done } = readState(root);
    expect(done).toEqual([
      'create default.web-0.00000000',
      'destroy 1',
      'create default.web-0.00000000',
      'create default.web-0.00000000',
    ]);
    expect(domains.map(({ id }) => id)).toEqual([3]);
    expect(driver.counts?.()).toEqual({ libxl_timeouts: 2 });
  });

  it('gives up after three time-outs, and leaves nothing', async () => {
    expected('half', 'half', 'half', 'works');
    await expect(driver.start(vm)).rejects.toMatchObject({ reason: 'CreationTimedOut', kind: 'retry' });
    expect(readState(root).domains).toEqual([]);
    expect(await state()).toBe('Stopped');
  });

  it('tells a backend that never comes as a failure, when it was borne three times', async () => {
    expected('backendAway', 'backendAway', 'backendAway', 'works');
    await expect(driver.start(vm)).rejects.toMatchObject({
      reason: 'VMStartFailed',
      message: expect.stringContaining('unable to add device with path'),
    });
    expect(readState(root).done).toHaveLength(3);
    expected('backendAway', 'works');
    await driver.start(vm);
    expect(await state()).toBe('Running');
  });

  it('does not try again what would fail again', async () => {
    expected('noMemory', 'works');
    await expect(driver.start(vm)).rejects.toMatchObject({ reason: 'NotEnoughMemory' });
    expect(readState(root).done).toHaveLength(1);
    expect(driver.counts?.()).toEqual({ libxl_timeouts: 0 });
  });

  it('refuses a name that another domain has, and leaves that one alone', async () => {
    changeState(root, { domains: [aDomain({ uuid: OTHER, disk: '/elsewhere/disk' })] });
    await expect(driver.start(vm)).rejects.toMatchObject({
      reason: 'DomainNameTaken',
      message: expect.stringContaining(`domain 7 of this host, with uuid ${OTHER}`),
    });
    await driver.destroy(vm.uuid, vm.directory);
    expect(readState(root).done).toEqual([]);
  });

  it('refuses a uuid that another domain has, and leaves that one alone', async () => {
    changeState(root, { domains: [aDomain({ name: 'another', disk: '/elsewhere/disk' })] });
    await expect(driver.start(vm)).rejects.toMatchObject({
      reason: 'VMConflict',
      message: expect.stringContaining('/elsewhere/disk'),
    });
    expect(await state()).toBeUndefined();
    expect(await driver.shutdown(vm.uuid, vm.directory, 1000)).toBe(true);
    await driver.destroy(vm.uuid, vm.directory);
    expect(readState(root).done).toEqual([]);
  });

  it('refuses user networking before anything is made', async () => {
    const network = { mode: 'user', mac: vm.network.mac, forwards: [] } as const;
    await expect(driver.start({ ...vm, network })).rejects.toMatchObject({
      reason: 'NetworkUnsupported',
      kind: 'stalled',
    });
    expect(readState(root).done).toEqual([]);
  });

  it('takes up a domain whose folder lost its note, and lets a paused one go on', async () => {
    changeState(root, { domains: [aDomain({ state: '--p---' })] });
    expect(await state()).toBe('Paused');
    vm = { ...vm, network: { ...vm.network, mode: 'bridge', bridge: 'none-such' } };
    await driver
      .start(vm)
      .catch((error: unknown) => expect(error).toMatchObject({ reason: 'BridgeMissing' }));
    expect(readState(root).done).toEqual(['unpause 7']);
    expect(await state()).toBe('Running');
  });

  it.each([
    ['crashed', '---sc-'],
    ['powered off', '---s--'],
    ['dying', '-----d'],
  ])('makes a new one in place of one that is %s', async (_name, ended) => {
    await driver.start(vm);
    changeState(root, { domains: [aDomain({ id: 1, state: ended })] });
    await driver.start(vm);
    expect(readState(root).done.slice(1)).toEqual(['destroy 1', 'create default.web-0.00000000']);
    expect(await state()).toBe('Running');
  });
});

describe('a daemon that was killed while xl was at work', () => {
  it('waits for that xl, and makes no second domain', async () => {
    await beAbandoned();
    expect(await state()).toBe('Paused');

    const next = createDriver().start(vm);
    await writeFile(join(root, 'go'), '');
    await next;
    expect(readState(root).done).toEqual(['create default.web-0.00000000']);
    expect(await state()).toBe('Running');
  });

  it('makes no domain of another VM beside that xl', async () => {
    await beAbandoned();
    let naps = 0;
    const waiting = createDriver(() => {
      naps += 1;
    });
    const next = waiting.start(await anotherVm());
    while (naps < 3 && readState(root).done.length === 1) await delay(20);
    expect(readState(root).done).toEqual(['create default.web-0.00000000']);

    await writeFile(join(root, 'go'), '');
    await next;
    expect(readState(root).done.slice(1)).toEqual(['create default.web-1.00000000']);
    expect(readState(root).domains.map(({ uuid }) => uuid)).toEqual([UUID, OTHER]);
  });

  it('ends that xl with what it made, when the VM is to go', async () => {
    await beAbandoned();
    await createDriver().destroy(vm.uuid, vm.directory);
    expect(readState(root).domains).toEqual([]);
    expect(await state()).toBeUndefined();
  });

  it('takes away half a domain that an xl left that was killed with it', async () => {
    expected('half', 'works');
    const note = { uuid: UUID, domain: vm.domain, commandLine: [] };
    await writeFile(join(vm.directory, 'domain.json'), JSON.stringify(note));
    changeState(root, { domains: [aDomain({ state: '--p---', seconds: '0.0' })], outcomes: [] });
    await driver.start(vm);
    expect(readState(root).done).toEqual(['destroy 7', 'create default.web-0.00000000']);
  });

  /** A creation is at work, and whoever began it is gone. */
  async function beAbandoned(): Promise<void> {
    expected('slow');
    const killed = new AbortController();
    const start = driver.start(vm, killed.signal);
    while (readState(root).domains.length === 0) await delay(20);
    killed.abort();
    await expect(start).rejects.toThrow();
  }
});

describe('the end of a VM under Xen', () => {
  it('is noted when the guest powers off, and nothing of it is kept', async () => {
    await driver.start(vm);
    expect(await driver.shutdown(vm.uuid, vm.directory, 30_000)).toBe(true);
    expect(readState(root)).toMatchObject({ domains: [], done: expect.arrayContaining(['shutdown -F 1']) });
    expect(await state()).toBe('Stopped');
    expect(await driver.shutdown(vm.uuid, vm.directory, 1000)).toBe(true);
  });

  it('is not waited for longer than asked when the guest is deaf, and can be had all the same', async () => {
    expected('deaf');
    await driver.start(vm);
    expect(await driver.shutdown(vm.uuid, vm.directory, 100)).toBe(false);
    expect(await state()).toBe('Running');
    await driver.destroy(vm.uuid, vm.directory);
    expect(readState(root)).toMatchObject({ domains: [], done: expect.arrayContaining(['destroy 1']) });
    expect(await state()).toBeUndefined();
  });

  it('is told from a crash, and from a domain that is gone with its host', async () => {
    await driver.start(vm);
    changeState(root, { domains: [aDomain({ id: 1, state: '---s--' })] });
    expect(await driver.inspect(vm.uuid, vm.directory)).toMatchObject({ state: 'Stopped', remains: true });
    changeState(root, { domains: [aDomain({ id: 1, state: '---sc-' })] });
    expect(await driver.inspect(vm.uuid, vm.directory)).toMatchObject({
      state: 'Crashed',
      problem: { reason: 'GuestPanicked' },
    });
    changeState(root, { domains: [] });
    expect(await state()).toBe('Crashed');
    await driver.destroy(vm.uuid, vm.directory);
    expect(await state()).toBeUndefined();
  });
});

describe('a memory checkpoint under Xen', () => {
  it('ends the VM, and is what it goes on from', async () => {
    const path = join(root, 'checkpoint');
    await driver.start(vm);
    await driver.checkpoints?.save(vm, path);
    expect(await readFile(path, 'utf8')).toBe('memory');
    expect(await state()).toBe('Stopped');
    await driver.checkpoints?.restore(vm, path);
    expect(await driver.inspect(vm.uuid, vm.directory)).toMatchObject({
      state: 'Running',
      commandLine: [join(root, 'xl'), 'restore', '-e', join(vm.directory, 'domain.cfg'), path],
    });
  });

  it('leaves a VM running that could not be saved, and no half file', async () => {
    await driver.start(vm);
    expected('timesOut');
    await expect(driver.checkpoints?.save(vm, join(root, 'checkpoint'))).rejects.toMatchObject({
      reason: 'CheckpointFailed',
    });
    expect(await state()).toBe('Running');
    expect(await checkpointFiles()).toEqual([]);
  });

  it.each([
    ['started', (next: Driver) => next.start(vm)],
    ['destroyed', (next: Driver) => next.destroy(vm.uuid, vm.directory)],
  ] as const)('leaves no half file when the daemon is killed, once the VM is %s', async (_what, work) => {
    await driver.start(vm);
    expected('slow');
    const saving = driver.checkpoints?.save(vm, join(root, 'checkpoint')).catch(() => undefined);
    while ((await checkpointFiles()).length === 0) await delay(20);
    const note = await readFile(join(vm.directory, 'domain.json'), 'utf8');
    await endCommands(systemClock, vm.directory);
    await saving;
    // As it was at the moment of the kill: the daemon that lives on here has put it in order.
    await writeFile(join(vm.directory, 'domain.json'), note);
    await writeFile(join(root, 'checkpoint.partial'), 'mem');

    expected();
    await work(createDriver());
    expect(await checkpointFiles()).toEqual([]);
  });

  async function checkpointFiles(): Promise<readonly string[]> {
    return (await readdir(root)).filter((name) => name.startsWith('checkpoint'));
  }
});

describe('a Xen host', () => {
  it('has all of the machine, whatever dom0 sees of it', async () => {
    changeState(root, {
      domains: [aDomain({ seconds: '10.0' }), aDomain({ id: 8, uuid: OTHER, seconds: '5.5' })],
    });
    const MIB = 1024 * 1024;
    expect(await driver.measure?.()).toEqual({
      cpuMillis: 2000,
      memoryBytes: 2047 * MIB,
      busyMillis: 1_580_400,
      usedMemoryBytes: 1047 * MIB,
    });
    expect(await driver.measure?.([OTHER])).toMatchObject({ busyMillis: 5500, usedMemoryBytes: 128 * MIB });
  });

  it('shows the domains of others, never Domain-0 and those that are being made', async () => {
    changeState(root, {
      domains: [
        aDomain(),
        aDomain({ id: 8, uuid: OTHER, name: 'a foreign one', disk: '/elsewhere/disk' }),
        aDomain({ id: 9, uuid: OTHER, name: 'not yet whole', state: '--p---', seconds: '0.0' }),
        aDomain({ id: 10, uuid: OTHER, name: 'folder gone', disk: join(root, 'state/appliances/x/disk') }),
      ],
    });
    expect(await driver.foreignVms(join(root, 'state'))).toEqual(['a foreign one', 'folder gone']);
  });

  it('says what it is, and what of it a person should mend', async () => {
    expect(await driver.probe()).toEqual({
      name: 'xen',
      version: '4.17.7',
      accelerator: 'xen',
      capabilities: expect.arrayContaining(['serialCreation']),
      creationConcurrency: 1,
      warnings: [expect.objectContaining({ reason: 'ConsoleNotLogged' })],
    });
  });

  it('says that xl takes memory from dom0, unless one of its two settings forbids it', async () => {
    const reasons = async () => (await driver.probe()).warnings?.map(({ reason }) => reason);
    changeState(root, { commandLine: 'console=com1' });
    expect(await reasons()).toContain('DomainZeroBalloons');
    await writeFile(join(root, 'xl.conf'), '# autoballoon="off"\nautoballoon="auto"\n');
    expect(await reasons()).toContain('DomainZeroBalloons');
    await writeFile(join(root, 'xl.conf'), 'autoballoon="off"\n');
    expect(await reasons()).not.toContain('DomainZeroBalloons');
    await rm(join(root, 'xl.conf'));
    changeState(root, { commandLine: 'dom0_mem=1024M,max:1024M' });
    expect(await reasons()).not.toContain('DomainZeroBalloons');
  });

  it('says in words that xl is missing', async () => {
    await rm(join(root, 'xl'));
    const { problem } = await createXenDriver({
      clock: systemClock,
      log: pino({ level: 'silent' }),
      searchPath: root,
    }).probe();
    expect(problem).toMatchObject({
      reason: 'HypervisorMissing',
      message: expect.stringContaining('xl is not'),
    });
  });
});
