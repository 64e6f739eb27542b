import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DesiredAppliance } from '../../../src/host/protocol.ts';
import { macOf } from '../../../src/hostd/appliance/steps/mac.ts';
import { tapNameOf } from '../../../src/hostd/drivers/common/tap.ts';
import { type Link, linksIn } from '../../../src/hostd/network/links.ts';
import { applianceOf, createCertificates } from '../../integration/hostd/fixtures.ts';
import { describeUnless } from '../../skip.ts';
import { buildGuestImage, type GuestImage } from '../guest-vm.ts';
import { BRIDGE, Lan, MTU, whyNoBridges } from '../network/lan.ts';
import { NetworkHost } from '../network/network-host.ts';
import { isQemu, killAndWait, processesNaming } from '../processes.ts';
import { holdGuest } from './layers.ts';
import { createDriver, noQemu } from './scene.ts';

const repository = resolve(import.meta.dirname, '../../..');
const GATEWAY = '10.77.0.1';
/** Longer than any frame. */
const PAGE = `from the first host ${'.'.repeat(100_000)}`;

describeUnless(noQemu ?? whyNoBridges, 'two hosts on one network', () => {
  let directory: string;
  let image: GuestImage;
  let lan: Lan;
  let hosts: readonly [NetworkHost, NetworkHost];
  let web: DesiredAppliance;

  beforeAll(async () => {
    image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    directory = await mkdtemp(join(tmpdir(), 'coppice-bridge-'));
    const certificates = await createCertificates();
    lan = await Lan.create(2);
    const host = async (index: number) => {
      const options = { namespace: lan.host(index), certificates, fileRoots: [dirname(image.disk)] };
      const made = new NetworkHost({ ...options, directory: join(directory, `host${index}`) });
      await mkdir(join(directory, `host${index}`));
      await made.start();
      return made;
    };
    hosts = [await host(0), await host(1)];
  });

  afterAll(async () => {
    for (const host of hosts ?? []) await host.kill();
    for (const vm of (await processesNaming(directory)).filter(isQemu)) await killAndWait(vm.pid);
    await lan?.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function anAppliance(host: NetworkHost, address: string, text: string): Promise<DesiredAppliance> {
    const made = await holdGuest(image, (sha256, desired) => host.putImport(sha256, desired));
    const isSix = address.includes(':');
    const template = applianceOf(made.layer);
    return {
      ...template,
      ...made,
      resources: { cpuMillis: 100, memoryBytes: 128 * 1024 * 1024 },
      network: {
        mode: 'bridge',
        ports: [{ name: 'http', guestPort: 80 }],
        address,
        prefixLength: isSix ? 64 : 24,
        gateway: isSix ? 'fd77::1' : GATEWAY,
        dns: ['10.77.0.1', 'fd77::1'],
      },
      service: {
        ...template.service,
        container: { type: 'static-site', port: 80, documentRoot: '/srv/www' },
        package: { kind: 'files', files: { 'index.html': Buffer.from(text).toString('base64') } },
      },
    };
  }

  /** The interfaces of the host that are named as this driver's are. */
  async function tapsOf({ namespace }: NetworkHost): Promise<readonly Link[]> {
    return linksIn(await namespace.ip('-j', '-d', 'link', 'show')).filter(({ name }) =>
      name.startsWith('cop-'),
    );
  }

  it('says what it lacks while there is no bridge, and continues when there is one', async () => {
    const [first] = hosts;
    const before = await first.getHost();
    expect(before.driver.capabilities).toContain('userNetwork');
    expect(before.driver.capabilities).not.toContain('bridgeNetwork');
    expect(before.problems).toContainEqual({
      reason: 'BridgeMissing',
      message: expect.stringMatching(/has no network interface br0: create the bridge/),
    });
    web = await anAppliance(first, '10.77.0.11', PAGE);
    await first.putAppliance(web);
    const waiting = await first.untilProblem(web.uuid, 'BridgeMissing');
    expect(waiting.vm.state).not.toBe('Running');
    expect(waiting.problem?.retryAt).toBeDefined();

    await lan.makeBridge(0);
    const status = await first.untilAvailable(web.uuid);
    expect(status.endpoints).toEqual([{ name: 'http', address: '10.77.0.11', port: 80, guestPort: 80 }]);
    expect(status.accessPoints).toEqual(['http://10.77.0.11/']);
    expect(await first.fetch('http://10.77.0.11/')).toBe(PAGE);
    const after = await first.getHost();
    expect(after.driver.capabilities).toEqual(expect.arrayContaining(['userNetwork', 'bridgeNetwork']));
    expect(after.problems.map(({ reason }) => reason)).not.toContain('BridgeMissing');
    expect(await tapsOf(first)).toMatchObject([
      { name: tapNameOf(web.uuid), master: BRIDGE, mtu: MTU, up: true, kind: 'tun', type: 'tap' },
    ]);
  });

  it('lets VMs of different hosts, and the hosts, reach each other', async () => {
    const [first, second] = hosts;
    await lan.makeBridge(1);
    const six = await anAppliance(second, 'fd77::12', 'from the second host');
    await second.putAppliance(six);
    expect((await second.untilAvailable(six.uuid)).accessPoints).toEqual(['http://[fd77::12]/']);
    expect(await first.fetch('http://[fd77::12]/')).toBe('from the second host');
    expect(await second.fetch('http://10.77.0.11/')).toBe(PAGE);
    await second.deleteAppliance(six.uuid);

    const { service } = web;
    const reader = await anAppliance(second, '10.77.0.12', 'not read');
    const script = `busybox wget -q -O - http://10.77.0.11/ | busybox grep -q 'from the first host'`;
    const probe = { kind: 'exec', command: ['/bin/sh', '-c', script] } as const;
    await second.putAppliance({ ...reader, service: { ...service, parameters: { probe } } });
    await second.untilAvailable(reader.uuid);
    await second.deleteAppliance(reader.uuid);
    expect(await tapsOf(second)).toEqual([]);
  });

  it('lets VM and tap live on when the daemon dies, and takes them up again', async () => {
    const [first] = hosts;
    const before = await first.untilAvailable(web.uuid);
    await first.kill();
    const folder = join(first.stateDirectory, 'appliances', web.uuid);
    const guest = createDriver(directory).guest(web.uuid, folder);
    try {
      const exec = async (script: string) => {
        const { stdout } = await guest.exec(['/bin/sh', '-c', script], { timeoutMs: 60_000 });
        return stdout;
      };
      const interfaces = await guest.interfaces(60_000);
      const own = interfaces.find(({ mac }) => mac === macOf(web.uuid));
      const global = own?.addresses.filter(({ address }) => !address.startsWith('fe80:'));
      expect(global).toEqual([{ address: '10.77.0.11', prefixLength: 24 }]);
      expect((await exec('busybox ip route')).match(/^default.*$/gm)).toEqual([
        'default via 10.77.0.1 dev eth0 ',
      ]);
      expect(await exec('cat /etc/resolv.conf')).toBe('nameserver 10.77.0.1\nnameserver fd77::1\n');
    } finally {
      guest.close();
    }
    expect((await tapsOf(first)).map(({ carrier }) => carrier)).toEqual([true]);

    await first.start();
    const after = await first.untilAvailable(web.uuid);
    expect(after.vm.pid).toBe(before.vm.pid);
    const network = ({ steps }: typeof after) => steps.find(({ name }) => name === 'Network');
    expect(network(after)).toEqual(network(before));
    expect(await first.fetch('http://10.77.0.11/')).toBe(PAGE);
  });

  it('reconnects a running VM whose bridge was removed, set down, or created again', async () => {
    const [first] = hosts;
    const { pid } = (await first.untilAvailable(web.uuid)).vm;
    await first.namespace.ip('link', 'set', BRIDGE, 'down');
    await first.untilProblem(web.uuid, 'BridgeDown');
    await first.namespace.ip('link', 'delete', BRIDGE);
    await first.untilProblem(web.uuid, 'BridgeMissing');
    await lan.makeBridge(0);
    const status = await first.untilAvailable(web.uuid);
    expect(status.vm.pid).toBe(pid);
    expect(await first.fetch('http://10.77.0.11/')).toBe(PAGE);
  });

  it('says so when the host has no way to the VM, and when another machine has its address', async () => {
    const [first, second] = hosts;
    const elsewhere = await anAppliance(second, '10.78.0.12', 'nobody asks');
    const { network } = elsewhere;
    await second.putAppliance({
      ...elsewhere,
      network: { ...network, gateway: '10.78.0.1' } as typeof network,
    });
    const lost = await second.untilProblem(elsewhere.uuid, 'NoRouteToGuest');
    expect(lost.problem?.message).toMatch(/give bridge br0 an address in the network of 10\.78\.0\.12\/24/);
    await second.namespace.ip('address', 'add', '10.78.0.1/24', 'dev', BRIDGE);
    await second.untilAvailable(elsewhere.uuid);
    await second.deleteAppliance(elsewhere.uuid);

    for (const address of ['10.77.0.11', 'fd77::1']) {
      const taken = await anAppliance(second, address, 'not served');
      const gateway = address === 'fd77::1' ? { gateway: 'fd77::2' } : {};
      await second.putAppliance({ ...taken, network: { ...taken.network, ...gateway } as typeof network });
      await second.untilProblem(taken.uuid, 'AddressInUse');
      expect(await first.fetch('http://10.77.0.11/')).toBe(PAGE);
      await second.deleteAppliance(taken.uuid);
    }
  });

  it('leaves nothing of an appliance that is deleted', async () => {
    const [first] = hosts;
    await first.deleteAppliance(web.uuid);
    expect(await tapsOf(first)).toEqual([]);
  });
});
