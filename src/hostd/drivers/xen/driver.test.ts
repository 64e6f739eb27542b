import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDomainRecord, writeDomainRecord } from './domain/domain-record.ts';
import { FakeHost, OTHER, UUID } from './testing/fake-host.ts';
import { changeState, readState } from './xl/testing/fake-xl.ts';

let xen: FakeHost;
beforeEach(async () => {
  xen = await FakeHost.make();
});
afterEach(() => xen.close());

describe('starting a VM under Xen', () => {
  it('makes one domain, and none when it runs already', async () => {
    const before = Date.now();
    await xen.driver.start(xen.vm);
    const made = await xen.driver.inspect(xen.vm.uuid, xen.vm.directory);
    expect(Date.parse(made?.startedAt ?? '')).toBeGreaterThanOrEqual(before);
    await xen.driver.start(xen.vm);
    expect(readState(xen.root).done).toEqual(['create default.web-0.00000000']);
    expect(await xen.driver.inspect(xen.vm.uuid, xen.vm.directory)).toMatchObject({
      state: 'Running',
      accelerator: 'xen',
      startedAt: made?.startedAt,
      runningForMs: expect.any(Number),
      commandLine: [join(xen.root, 'xl'), 'create', '-e', join(xen.vm.directory, 'domain.cfg')],
    });
  });

  it('refuses a VM that boots by UEFI, before anything is made', async () => {
    const vm = { ...xen.vm, boot: { kind: 'firmware', firmware: 'uefi' } } as const;
    await expect(xen.driver.start(vm)).rejects.toMatchObject({ reason: 'UefiUnsupported', kind: 'stalled' });
    expect(readState(xen.root).done).toEqual([]);
    expect((await xen.driver.probe()).capabilities).not.toContain('uefi');
  });

  it('refuses a CD for a guest without a drive, before anything is made', async () => {
    await expect(xen.driver.start({ ...xen.vm, cd: '/l/cd/blob' })).rejects.toMatchObject({
      reason: 'CdDriveUnsupported',
      kind: 'stalled',
      message: expect.stringContaining('type PV'),
    });
    expect(readState(xen.root).done).toEqual([]);
  });

  it('reads the start time from Xen when the daemon died before it recorded it', async () => {
    await xen.driver.start(xen.vm);
    const { uuid, domain } = xen.vm;
    const commandLine = (await readDomainRecord(xen.vm.directory))?.commandLine ?? [];
    await writeDomainRecord(xen.vm.directory, { uuid, domain, bridge: 'br0', commandLine });
    await xen.driver.start(xen.vm);
    const found = await xen.driver.inspect(xen.vm.uuid, xen.vm.directory);
    expect(found?.startedAt).toBe('2026-11-25T15:35:57.580Z');
  });

  it('tries again after libxl’s time-outs, removes half-made domains first, and counts the time-outs', async () => {
    xen.plan('half', 'timesOut', 'works');
    await xen.driver.start(xen.vm);
    const { domains, done } = readState(xen.root);
    expect(done).toEqual([
      'create default.web-0.00000000',
      'destroy 1',
      'create default.web-0.00000000',
      'create default.web-0.00000000',
    ]);
    expect(domains.map(({ id }) => id)).toEqual([3]);
    expect(xen.driver.counts?.()).toEqual({ libxl_timeouts: 2 });
  });

  it('gives up after three time-outs, and leaves nothing', async () => {
    xen.plan('half', 'half', 'half', 'works');
    await expect(xen.driver.start(xen.vm)).rejects.toMatchObject({
      reason: 'CreationTimedOut',
      kind: 'retry',
    });
    expect(readState(xen.root).domains).toEqual([]);
    expect(await xen.state()).toBe('Stopped');
  });

  it('reports a back end that does not come up in three tries as a failure', async () => {
    xen.plan('backendAway', 'backendAway', 'backendAway', 'works');
    await expect(xen.driver.start(xen.vm)).rejects.toMatchObject({
      reason: 'VMStartFailed',
      message: expect.stringContaining('unable to add device with path'),
    });
    expect(readState(xen.root).done).toHaveLength(3);
    xen.plan('backendAway', 'works');
    await xen.driver.start(xen.vm);
    expect(await xen.state()).toBe('Running');
  });

  it('does not repeat a creation that would fail again', async () => {
    xen.plan('noMemory', 'works');
    await expect(xen.driver.start(xen.vm)).rejects.toMatchObject({ reason: 'NotEnoughMemory' });
    expect(readState(xen.root).done).toHaveLength(1);
    expect(xen.driver.counts?.()).toEqual({ libxl_timeouts: 0 });
  });

  it('refuses a name that another domain has, and leaves that one alone', async () => {
    changeState(xen.root, { domains: [xen.aDomain({ uuid: OTHER, disk: '/elsewhere/disk' })] });
    await expect(xen.driver.start(xen.vm)).rejects.toMatchObject({
      reason: 'DomainNameTaken',
      message: expect.stringContaining(`domain 7 of this host, with uuid ${OTHER}`),
    });
    await xen.driver.destroy(xen.vm.uuid, xen.vm.directory);
    expect(readState(xen.root).done).toEqual([]);
  });

  it('refuses a uuid that another domain has, and leaves that one alone', async () => {
    changeState(xen.root, { domains: [xen.aDomain({ name: 'another', disk: '/elsewhere/disk' })] });
    await expect(xen.driver.start(xen.vm)).rejects.toMatchObject({
      reason: 'VMConflict',
      message: expect.stringContaining('/elsewhere/disk'),
    });
    expect(await xen.state()).toBeUndefined();
    expect(await xen.driver.shutdown(xen.vm.uuid, xen.vm.directory, 1000)).toBe(true);
    await xen.driver.destroy(xen.vm.uuid, xen.vm.directory);
    expect(readState(xen.root).done).toEqual([]);
  });

  it('refuses user networking before anything is made', async () => {
    const network = { mode: 'user', mac: xen.vm.network.mac, forwards: [] } as const;
    await expect(xen.driver.start({ ...xen.vm, network })).rejects.toMatchObject({
      reason: 'NetworkUnsupported',
      kind: 'stalled',
    });
    expect(readState(xen.root).done).toEqual([]);
  });

  it('adopts a domain whose folder lost its record, and unpauses it', async () => {
    changeState(xen.root, { domains: [xen.aDomain({ state: '--p---' })] });
    expect(await xen.state()).toBe('Paused');
    const lost = { ...xen.vm, network: { ...xen.vm.network, mode: 'bridge', bridge: 'none-such' } } as const;
    await xen.driver
      .start(lost)
      .catch((error: unknown) => expect(error).toMatchObject({ reason: 'BridgeMissing' }));
    expect(readState(xen.root).done).toEqual(['unpause 7']);
    expect(await xen.state()).toBe('Running');
  });

  it.each([
    ['crashed', '---sc-'],
    ['powered off', '---s--'],
    ['dying', '-----d'],
  ])('replaces a domain that is %s', async (_name, ended) => {
    await xen.driver.start(xen.vm);
    changeState(xen.root, { domains: [xen.aDomain({ id: 1, state: ended })] });
    await xen.driver.start(xen.vm);
    expect(readState(xen.root).done.slice(1)).toEqual(['destroy 1', 'create default.web-0.00000000']);
    expect(await xen.state()).toBe('Running');
  });
});

describe('a daemon that was killed while xl was at work', () => {
  it('waits for that xl, and makes no second domain', async () => {
    await abandonCreation();
    expect(await xen.state()).toBe('Paused');

    const next = xen.createDriver().start(xen.vm);
    await writeFile(join(xen.root, 'go'), '');
    await next;
    expect(readState(xen.root).done).toEqual(['create default.web-0.00000000']);
    xen.later();
    expect(await xen.state()).toBe('Running');
  });

  it('makes no domain for another VM while that xl works', async () => {
    await abandonCreation();
    let pauses = 0;
    const waiting = xen.createDriver(() => {
      pauses += 1;
    });
    const next = waiting.start(await xen.anotherVm());
    while (pauses < 3 && readState(xen.root).done.length === 1) await delay(20);
    expect(readState(xen.root).done).toEqual(['create default.web-0.00000000']);

    await writeFile(join(xen.root, 'go'), '');
    await next;
    expect(readState(xen.root).done.slice(1)).toEqual(['create default.web-1.00000000']);
    expect(readState(xen.root).domains.map(({ uuid }) => uuid)).toEqual([UUID, OTHER]);
  });

  it('ends that xl and its domain when the VM is destroyed', async () => {
    await abandonCreation();
    await xen.createDriver().destroy(xen.vm.uuid, xen.vm.directory);
    expect(readState(xen.root).domains).toEqual([]);
    expect(await xen.state()).toBeUndefined();
  });

  it('removes the half-made domain of an xl that was killed together with its daemon', async () => {
    xen.plan('half', 'works');
    const record = { uuid: UUID, domain: xen.vm.domain, commandLine: [] };
    await writeFile(join(xen.vm.directory, 'domain.json'), JSON.stringify(record));
    changeState(xen.root, { domains: [xen.aDomain({ state: '--p---', seconds: '0.0' })], outcomes: [] });
    await xen.driver.start(xen.vm);
    expect(readState(xen.root).done).toEqual(['destroy 7', 'create default.web-0.00000000']);
  });

  /** Leaves an xl at work whose daemon is gone. */
  async function abandonCreation(): Promise<void> {
    xen.plan('slow');
    const killed = new AbortController();
    const start = xen.driver.start(xen.vm, killed.signal);
    while (readState(xen.root).domains.length === 0) await delay(20);
    killed.abort();
    await expect(start).rejects.toThrow();
  }
});
