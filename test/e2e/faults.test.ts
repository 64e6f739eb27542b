import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { findCondition } from '../../src/api/conditions.ts';
import { HOSTS, SERVICE_DEPLOYMENTS, TEMPLATES, type Template } from '../../src/api/kinds.ts';
import { parseCpu } from '../../src/domain/quantity.ts';
import { breakingOff, MisbehavingServer, serving } from '../integration/hostd/misbehaving-server.ts';
import { freePorts } from '../kubernetes/processes.ts';
import { describeUnless } from '../skip.ts';
import { Coppice } from './coppice.ts';
import { noQemu } from './qemu/scene.ts';
import { appliancesOf, apply, aTask, manifest, minimalSpec, removeTasks, untilServed } from './tasks.ts';

const run = promisify(execFile);

/**
 * The task whose guest has no agent. It takes a minute to fail twice, and half a minute to be ended: it waits beside the other
 * faults, and is left out where these are counted.
 */
const MUTE = 'mute';

/** What is in the way of a VM: told where people look, and gone as soon as its cause is. */
describeUnless(noQemu, 'a fault', () => {
  let coppice: Coppice;
  let server: MisbehavingServer;
  let minimal: Template['spec'];
  let templates = 0;

  beforeAll(async () => {
    server = await MisbehavingServer.start();
    coppice = await Coppice.up();
    minimal = await minimalSpec(coppice);
    const boot = { ...minimal.guest.boot, commandLine: 'console=ttyS0 rdinit=/bin/sh' };
    const name = await template({ guest: { ...minimal.guest, boot } });
    await apply(coppice, aTask(MUTE, { template: { name }, timeouts: { agentSeconds: 10 } }));
  });
  afterEach(async () => {
    const { items } = await coppice.client.list(SERVICE_DEPLOYMENTS);
    const names = items.map(({ metadata }) => metadata.name).filter((name) => name !== MUTE);
    await removeTasks(coppice, ...names);
    expect(await others(vms)).toEqual([]);
    expect(await others(() => coppice.overlays())).toEqual([]);
  });
  afterAll(async () => {
    await coppice?.close();
    await server?.close();
  });

  /** A template like the minimal one but for the change; resolves with its name. */
  const template = async (change: object, name = `changed-${++templates}`) => {
    const { source, guest, container } = minimal;
    await apply(coppice, manifest('Template', name, { source, guest, container, ...change }));
    return name;
  };
  const told = (task: string, reason: string, message: RegExp) =>
    coppice.eventually(`${task} says ${reason}`, async () => {
      const { status } = await coppice.client.get(SERVICE_DEPLOYMENTS, { name: task, namespace: 'default' });
      const ready = { status: 'False', reason, message: expect.stringMatching(message) };
      expect(findCondition(status?.conditions, 'Ready')).toMatchObject(ready);
    });
  const vms = async () => (await coppice.vms()).map(({ uuid }) => uuid);
  const uidsOfMute = async () => (await appliancesOf(coppice, MUTE)).map(({ metadata }) => metadata.uid);
  /**
   * The uuids that `look` finds, without the mute guest's; it may be replaced while we look. The folder of an appliance is
   * called `UUID.deleting` while it is removed.
   */
  const others = async (look: () => Promise<readonly string[]>) => {
    const before = await uidsOfMute();
    const found = await look();
    const mute = [...before, ...(await uidsOfMute())];
    return found.filter((name) => !mute.includes(name.replace('.deleting', '')));
  };
  const first = async (task: string) => {
    const [appliance] = await appliancesOf(coppice, task);
    if (appliance === undefined) throw new Error(`${task} has no appliance`);
    return appliance;
  };

  it('a template that there is not: waited for', async () => {
    await apply(coppice, aTask('early', { template: { name: 'later' } }));
    await told('early', 'TemplateNotFound', /service web: template default\/later does not exist: create it/);
    expect(await appliancesOf(coppice, 'early')).toEqual([]);
    await template({}, 'later');
    await untilServed(coppice, 'early', 1, 'grown\n');
  });

  it("a template's image with a wrong sha256: refused until the task names a right one", async () => {
    const { url } = minimal.source.image ?? { url: '' };
    const name = await template({ source: { image: { url, sha256: 'c'.repeat(64) } } });
    await apply(coppice, aTask('forged', { template: { name } }));
    await told('forged', 'DigestMismatch', /has the sha256 [0-9a-f]{64}, but c{64} was requested/);
    await coppice.eventually('the template says so, too', async () => {
      const { status } = await coppice.client.get(TEMPLATES, { name, namespace: 'default' });
      const ready = { status: 'False', reason: 'DigestMismatch' };
      expect(findCondition(status?.conditions, 'Ready')).toMatchObject(ready);
    });
    expect(await others(vms)).toEqual([]);
    await apply(coppice, aTask('forged'));
    await untilServed(coppice, 'forged', 1, 'grown\n');
  });

  it("a template's image from a server with every fault: fetched as soon as it has none", async () => {
    const disk = await anotherDisk(coppice, minimal);
    const image = { url: server.url('/disk.qcow2'), sha256: createHash('sha256').update(disk).digest('hex') };
    const name = await template({ source: { image } });
    server.answer((_, response) => response.writeHead(503).end());
    await apply(coppice, aTask('fetched', { template: { name } }));
    await told('fetched', 'SourceUnreachable', /disk\.qcow2 answered with HTTP status 503/);
    server.answer((_, response) => response.writeHead(301, { location: '/disk.qcow2' }).end());
    await told('fetched', 'RedirectCircle', /redirects in a circle: .*disk\.qcow2 → .*disk\.qcow2/);
    server.answer(breakingOff(disk, disk.length / 2));
    await told('fetched', 'SourceEndedEarly', /ended after \d+ of \d+ bytes/);
    server.answer(serving(disk));
    await untilServed(coppice, 'fetched', 1, 'grown\n');
  });

  it('an agent that never answers: the VM is started again and again, and the message has the end of its console', async () => {
    await told(
      MUTE,
      'AgentTimeout',
      /did not answer within 10 s [\s\S]*last lines of its console:[\s\S]*\/bin\/sh/,
    );
    const { status, metadata } = await first(MUTE);
    expect(status?.serviceState).toBe('VMUnavailable');
    await coppice.eventually('it is tried again', async () => {
      const agent = (await first(MUTE)).status?.steps?.find((step) => step.name === 'Agent');
      expect(agent?.attempts).toBeGreaterThan(1);
    });
    expect(await coppice.run('logs', metadata.name)).toContain('Run /bin/sh as init process');
    await apply(coppice, aTask(MUTE));
  });

  it('a request that fits no host: told per host, and placed as soon as one has room', async () => {
    const { status: host } = await coppice.client.get(HOSTS, { name: 'host-a' });
    const cpu = `${Math.ceil(parseCpu(host?.capacity?.cpu ?? '0') / 2)}m`;
    const half = { cpu, memory: '96Mi' };
    await apply(coppice, aTask('first', { replicas: 2, resources: half }));
    await coppice.eventually('each host has one', async () => {
      const hosts = (await appliancesOf(coppice, 'first')).map(({ spec }) => spec.hostName).sort();
      expect(hosts).toEqual(['host-a', 'host-b']);
    });
    await apply(coppice, aTask('late', { resources: half }));
    const why = 'has too little CPU: \\S+ free, more than \\S+ needed';
    await told('late', 'NoHostFits', new RegExp(`host-a ${why}.*host-b ${why}`));
    const { metadata, spec, status } = await first('late');
    expect(spec.hostName).toBeUndefined();
    expect(status?.placement?.reasons).toEqual(
      ['host-a', 'host-b'].map((host) => ({ host, reason: expect.stringMatching(new RegExp(why)) })),
    );
    const described = await coppice.run('describe', metadata.name);
    for (const host of ['host-a', 'host-b']) expect(described).toMatch(new RegExp(`${host}: ${why}`));
    expect(await coppice.run('status')).toMatch(/late\/web +default\/late-web-0 +- +NoHostFits/);
    await apply(coppice, aTask('first', { replicas: 1, resources: half }));
    await untilServed(coppice, 'late', 1, 'grown\n');
  });

  it('a port that another appliance has: told whose it is, and taken when it is free', async () => {
    const [hostPort] = await freePorts(1);
    const network = { ports: [{ name: 'admin', port: 8080, hostPort }] };
    const placement = { hosts: ['host-a'] };
    await apply(coppice, aTask('owner', { network, placement }));
    await coppice.eventually('it has its port', async () => {
      const { status } = await first('owner');
      expect(status?.steps).toContainEqual(expect.objectContaining({ name: 'Ports', state: 'Done' }));
    });
    await apply(coppice, aTask('rival', { network, placement }));
    await told(
      'rival',
      'PortInUse',
      new RegExp(`port ${hostPort} .*is in use by appliance default/owner-web-0`),
    );
    await removeTasks(coppice, 'owner');
    const [rival] = await untilServed(coppice, 'rival', 1, 'grown\n');
    expect(rival?.status?.endpoints).toContainEqual(
      expect.objectContaining({ name: 'admin', port: hostPort, guestPort: 8080 }),
    );
  });

  it('a guest that got an agent answers', async () => {
    await untilServed(coppice, MUTE, 1, 'grown\n');
    await removeTasks(coppice, MUTE);
  });
});

/** The guest's disk in other bytes: a layer that no host has. */
async function anotherDisk({ dataDir }: Coppice, { source }: Template['spec']): Promise<Buffer> {
  const copy = join(dataDir, 'another.qcow2');
  const original = fileURLToPath(source.image?.url ?? '');
  await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'qcow2', '-o', 'cluster_size=32k', original, copy]);
  return readFile(copy);
}
