import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { createXenDriver } from './driver.ts';
import { hasHardwareVms } from './host.ts';
import { FakeHost, OTHER } from './testing/fake-host.ts';
import { changeState } from './xl/testing/fake-xl.ts';

let xen: FakeHost;
beforeEach(async () => {
  xen = await FakeHost.make();
});
afterEach(() => xen.close());

describe('a Xen host', () => {
  it('measures the whole machine, not dom0’s share', async () => {
    changeState(xen.root, {
      domains: [xen.aDomain({ seconds: '10.0' }), xen.aDomain({ id: 8, uuid: OTHER, seconds: '5.5' })],
    });
    const MIB = 1024 * 1024;
    expect(await xen.driver.measure?.()).toEqual({
      cpuMillis: 2000,
      memoryBytes: 2047 * MIB,
      busyMillis: 1_580_400,
      usedMemoryBytes: 1047 * MIB,
      vms: expect.arrayContaining([
        { uuid: xen.vm.uuid, busyMillis: 10_000, memoryBytes: 128 * MIB },
        { uuid: OTHER, busyMillis: 5500, memoryBytes: 128 * MIB },
      ]),
    });
  });

  it('shows domains of others, but neither Domain-0 nor domains that are being made', async () => {
    changeState(xen.root, {
      domains: [
        xen.aDomain(),
        xen.aDomain({ id: 8, uuid: OTHER, name: 'a foreign one', disk: '/elsewhere/disk' }),
        xen.aDomain({ id: 9, uuid: OTHER, name: 'not yet whole', state: '--p---', seconds: '0.0' }),
        xen.aDomain({
          id: 10,
          uuid: OTHER,
          name: 'folder gone',
          disk: join(xen.root, 'state/appliances/x/disk'),
        }),
      ],
    });
    expect(await xen.driver.foreignVms(join(xen.root, 'state'))).toEqual(['a foreign one', 'folder gone']);
  });

  it('shows no domain of another daemon, which made it in a folder of its uuid with its record', async () => {
    const neighbour = join(xen.root, 'other/appliances', OTHER);
    const record = join(neighbour, 'domain.json');
    await mkdir(neighbour, { recursive: true });
    await writeFile(record, '{}');
    const domains = [
      xen.aDomain({ id: 8, uuid: OTHER, name: 'of a neighbour', disk: join(neighbour, 'disk.qcow2') }),
      xen.aDomain({ id: 9, name: 'another uuid', disk: join(neighbour, 'disk.qcow2') }),
    ];
    changeState(xen.root, { domains });
    expect(await xen.driver.foreignVms(join(xen.root, 'state'))).toEqual(['another uuid']);
    await rm(record);
    await mkdir(record);
    expect(await xen.driver.foreignVms(join(xen.root, 'state'))).toEqual(['another uuid', 'of a neighbour']);
  });

  it('calls xl once for inspections at about the same time, and again after each change of its own', async () => {
    await xen.driver.start(xen.vm);
    const before = (await xen.calls()).length;
    const root = join(xen.root, 'state');
    const look = async () => {
      expect(await Promise.all([xen.state(), xen.state()])).toEqual(['Running', 'Running']);
      expect(await xen.driver.foreignVms(root)).toEqual([]);
      await xen.driver.probe();
      await xen.driver.measure?.();
    };
    await look();
    await look();
    expect((await xen.calls()).slice(before)).toEqual(['list -v', 'list -l', 'info']);
    xen.later();
    await look();
    expect((await xen.calls()).slice(before + 3), 'the disks of a domain are cached').toEqual([
      'list -v',
      'info',
    ]);
    await xen.driver.destroy(xen.vm.uuid, xen.vm.directory);
    expect(await xen.state()).toBeUndefined();
    expect(await xen.driver.foreignVms(root)).toEqual([]);
  });

  it('reports what it is, and what a person should fix', async () => {
    expect(await xen.driver.probe()).toEqual({
      name: 'xen',
      version: '4.17.7',
      accelerator: 'xen',
      capabilities: expect.arrayContaining(['serialCreation']),
      creationConcurrency: 1,
      guestTypes: ['PV', 'PVH', 'HVM'],
      warnings: [expect.objectContaining({ reason: 'ConsoleNotLogged' })],
    });
  });

  it('has hardware virtualisation if Xen says so', () => {
    const info = { version: '', cpus: 1, totalBytes: 0, freeBytes: 0, commandLine: '' };
    expect(hasHardwareVms({ ...info, capabilities: ['xen-3.0-x86_64'] })).toBe(false);
    expect(hasHardwareVms({ ...info, capabilities: ['xen-3.0-x86_64', 'hvm-3.0-x86_64'] })).toBe(true);
  });

  it('warns that xl takes memory from dom0, unless one of two settings forbids it', async () => {
    const reasons = async () => {
      xen.later();
      return (await xen.driver.probe()).warnings?.map(({ reason }) => reason);
    };
    changeState(xen.root, { commandLine: 'console=com1' });
    expect(await reasons()).toContain('DomainZeroBalloons');
    await writeFile(join(xen.root, 'xl.conf'), '# autoballoon="off"\nautoballoon="auto"\n');
    expect(await reasons()).toContain('DomainZeroBalloons');
    await writeFile(join(xen.root, 'xl.conf'), 'autoballoon="off"\n');
    expect(await reasons()).not.toContain('DomainZeroBalloons');
    await rm(join(xen.root, 'xl.conf'));
    changeState(xen.root, { commandLine: 'dom0_mem=1024M,max:1024M' });
    expect(await reasons()).not.toContain('DomainZeroBalloons');
  });

  it('reports that xl is missing', async () => {
    await rm(join(xen.root, 'xl'));
    const { problem } = await createXenDriver({
      clock: systemClock,
      log: pino({ level: 'silent' }),
      searchPath: xen.root,
    }).probe();
    expect(problem).toMatchObject({
      reason: 'HypervisorMissing',
      message: expect.stringContaining('xl is not'),
    });
  });
});
