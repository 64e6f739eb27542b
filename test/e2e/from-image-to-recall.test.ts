import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findCondition } from '../../src/api/conditions.ts';
import { IP_POOLS, type IPPool, SERVICE_DEPLOYMENTS, TEMPLATES, type Template } from '../../src/api/kinds.ts';
import { MisbehavingServer, serving } from '../integration/hostd/misbehaving-server.ts';
import { describeUnless, itUnless } from '../skip.ts';
import { type BuiltFile, buildCloudImage, type CloudImage, noCloudImage } from './cloud-image.ts';
import { Coppice } from './coppice.ts';
import { tooLongEmulated } from './emulated.ts';
import { whyNoBridges } from './network/lan.ts';
import { MachineBridge } from './network/machine-bridge.ts';
import { appliancesOf, apply, fetchText, manifest, urlOf } from './tasks.ts';

const run = promisify(execFile);
/** A boot takes a minute, and more than fifteen on a machine on which twenty others want to run. */
const BOOT_MS = 1_800_000;
const MINE = { namespace: 'default' };
/** A small server of static files, which needs no package that the image does not have. */
const SERVER = 'mini-httpd';
const COMMAND = ['/bin/sh', '-c', 'exec mini_httpd -D -u root -p 8080 -d "$COPPICE_DATA"'];
/** An emulated VM translates its programs into a quarter of its memory: with half of this it does so again and again. */
const RESOURCES = { cpu: '1', memory: '1Gi' };
const KEY = `ssh-ed25519 ${Buffer.alloc(51, 'key').toString('base64')} somebody@somewhere`;
const USER_DATA = `#cloud-config
write_files:
  - {path: /etc/greeting, content: "Grüße\\n"}
runcmd:
  - [sh, -c, "echo run >>/var/lib/runs"]
`;
const NAME_SERVERS = ['192.0.2.53', '192.0.2.54'];
/** Prints how the guest's network was set, and what the agent had it set to, if it had a hand in it. */
const NETWORK = `ip -4 -o addr show dev eth0 | awk '{print $4}'; ip route show default | cut -d' ' -f1-5
resolvectl dns eth0 | cut -d: -f2; cat /run/systemd/network/00-coppice.network 2>/dev/null || true`;
/** Prints what cloud-init made of the guest, then what makes it this machine and no other. */
const FACTS = 'cat /etc/greeting /var/lib/runs /home/debian/.ssh/authorized_keys';
const IDENTITY = 'cat /etc/hostname /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub';

/** One story, as docs/templates.md tells it: each test finds what the one before it left. */
describeUnless(noCloudImage ?? tooLongEmulated, 'from an image of their own to a recalled service', () => {
  let coppice: Coppice;
  /** Where one can be made: the service then has an address of its own. */
  let bridge: MachineBridge | undefined;
  let server: MisbehavingServer;
  let image: CloudImage;
  let packageFile: BuiltFile;
  let identity: string;

  beforeAll(async () => {
    image = await buildCloudImage(resolve(import.meta.dirname, '../..'));
    if (whyNoBridges === undefined) bridge = await MachineBridge.create('198.51.100');
    coppice = await Coppice.up('--hosts', '1', ...(bridge === undefined ? [] : ['--bridge', bridge.name]));
    if (bridge !== undefined) await declarePool(bridge);
    packageFile = await downloadPackage(join(coppice.dataDir, 'packages'));
    const files = new Map([packageFile, ...image.agentPackages].map((file) => [`/${file.name}`, file]));
    server = await MisbehavingServer.start();
    server.answer(async (request, response) => {
      const file = files.get(decodeURIComponent(request.url ?? ''));
      if (file === undefined) return void response.writeHead(404).end();
      await serving(await readFile(file.path))(request, response);
    });
  });
  afterAll(async () => {
    await coppice?.close();
    await server?.close();
    await bridge?.close();
  });

  async function declarePool(of: MachineBridge) {
    await coppice.client.create<IPPool>(
      IP_POOLS,
      manifest('IPPool', 'lan', of.pool(1, NAME_SERVERS)) as IPPool,
    );
  }

  const sourceOf = ({ name, sha256 }: BuiltFile) => ({
    url: server.url(`/${encodeURIComponent(name)}`),
    sha256,
  });
  const template = (name: string) => coppice.client.get(TEMPLATES, { name, ...MINE });
  const task = (name: string) => coppice.client.get(SERVICE_DEPLOYMENTS, { name, ...MINE });
  const untilReady = (name: string): Promise<Template> =>
    coppice.eventually(
      `template ${name} is Ready`,
      async () => {
        const found = await template(name);
        expect(findCondition(found.status?.conditions, 'Ready')).toMatchObject({ status: 'True' });
        return found;
      },
      BOOT_MS,
    );
  const built = (name: string, version: string, steps: readonly object[]) => {
    const source = { parent: { name: 'base' }, build: { resources: RESOURCES, steps } };
    return apply(coppice, manifest('Template', name, { series: 'site', version, source }));
  };
  const declare = (name: string, service: object) =>
    apply(coppice, manifest('ServiceDeployment', name, { recall: { save: true }, services: [service] }));
  const site = () => ({
    name: 'web',
    template: { label: 'site' },
    resources: RESOURCES,
    ...(bridge === undefined ? {} : { network: { pool: 'lan' } }),
    parameters: {
      command: COMMAND,
      probe: { http: { path: '/' } },
      sshAuthorizedKeys: [KEY],
      cloudInit: { userData: USER_DATA },
    },
  });
  const untilServed = (text: string) =>
    coppice.eventually(
      `the site serves ${text}`,
      async () => {
        const [web] = await appliancesOf(coppice, 'site');
        if (web === undefined) throw new Error('it has no appliance');
        expect(findCondition(web.status?.conditions, 'Ready')).toMatchObject({ status: 'True' });
        expect(await fetchText(`${urlOf(web)}note.txt`)).toBe(text);
        return web;
      },
      BOOT_MS,
    );

  it('pushes the image, which has no agent', { timeout: BOOT_MS }, async () => {
    const { size: bytes } = await stat(image.disk.path);
    const upload = { sha256: image.disk.sha256, bytes };
    const guest = { init: 'cloud-init', agentPackages: image.agentPackages.map(sourceOf) };
    const container = { type: 'command', port: 8080 };
    await apply(coppice, manifest('Template', 'base', { source: { upload }, guest, container }));
    const output = await coppice.run('template', 'push', image.disk.path, '--name', 'base');
    expect(output).toContain('Template default/base is Ready.');
  });

  it('builds on it: a package is installed without a network, and the same is not built again', {
    timeout: BOOT_MS,
  }, async () => {
    const steps = [
      { copy: { from: sourceOf(packageFile), to: `/root/${SERVER}.deb` } },
      { run: `dpkg -i /root/${SERVER}.deb && rm /root/${SERVER}.deb` },
    ];
    await built('site-1', '1.0', steps);
    await built('site-0', '0.9', steps);
    const log = coppice.start('template', 'logs', '-f', 'site-1');
    const [newest, old] = [await untilReady('site-1'), await untilReady('site-0')];
    expect(newest.status?.depth).toBe(2);
    expect(old.status?.layers).toEqual(newest.status?.layers);
    const { code, output } = await log.ended;
    expect([code, output]).toEqual([0, expect.stringContaining(`Setting up ${SERVER}`)]);
  });

  it('finds the newest of the series, and those of the labels that one follows', async () => {
    await declare('none', { ...site(), template: { series: 'site' }, replicas: 0 });
    await coppice.eventually('the newest is chosen', async () => {
      const [chosen] = (await task('none')).status?.services ?? [];
      expect(chosen).toMatchObject({
        template: 'default/site-1',
        templateReason: expect.stringMatching(/the newest of \d usable in series site/),
      });
    });
    await coppice.client.delete(SERVICE_DEPLOYMENTS, { name: 'none', ...MINE });
    await coppice.run('label', 'add', 'site', '-t', 'site-0', '-t', 'site-1');
    await coppice.run('follow', 'site');
    await coppice.eventually('they are mine', async () => {
      const mine = await coppice.run('templates', '--mine');
      expect(mine).toContain('site-1');
      expect(mine).not.toContain('base');
    });
  });

  const inGuest = (script: string) => coppice.run('exec', 'site-web-0', '--', 'sh', '-c', script);

  it('deploys by the label', { timeout: BOOT_MS }, async () => {
    await declare('site', site());
    await coppice.eventually(
      'it is deployed',
      async () =>
        expect(findCondition((await task('site')).status?.conditions, 'Ready')).toMatchObject({
          status: 'True',
        }),
      BOOT_MS,
    );
    expect((await task('site')).status?.services?.[0]?.template).toBe('default/site-1');
    expect(await inGuest(FACTS), 'what its user wrote').toBe(`Grüße\nrun\n${KEY}\n`);
  });

  itUnless(whyNoBridges, 'has the address of its pool, which cloud-init set: there is no DHCP', async () => {
    const { prefixLength, gateway } = bridge as MachineBridge;
    const address = (bridge as MachineBridge).address(0);
    const [web] = await appliancesOf(coppice, 'site');
    expect(web?.status?.accessPoints).toEqual([`http://${address}:8080/`]);
    expect(await inGuest(NETWORK)).toBe(
      `${address}/${prefixLength}\ndefault via ${gateway} dev eth0\n ${NAME_SERVERS.join(' ')}\n`,
    );
  });

  it('is recalled with what was written', { timeout: BOOT_MS }, async () => {
    await inGuest('echo kept >/var/lib/coppice/web/note.txt');
    await untilServed('kept\n');
    identity = await inGuest(IDENTITY);
    await coppice.run('recall', 'site', '--save', '--wait');
    expect(await coppice.vms()).toEqual([]);
    expect((await template('site-web-1')).status).toMatchObject({ depth: 3, parent: { name: 'site-1' } });
  });

  it('deploys that again as the same machine', { timeout: BOOT_MS }, async () => {
    await coppice.run('redeploy', 'site', '--wait');
    await untilServed('kept\n');
    expect(await inGuest(FACTS), 'nothing is done a second time').toBe(`Grüße\nrun\n${KEY}\n`);
    expect(await inGuest(IDENTITY)).toBe(identity);
  });

  it('disposes of what nobody uses any more, and of nothing else', { timeout: BOOT_MS }, async () => {
    await coppice.client.delete(SERVICE_DEPLOYMENTS, { name: 'site', ...MINE });
    await coppice.client.delete(TEMPLATES, { name: 'site-web-1', ...MINE });
    const layers = async () => (await readdir(join(coppice.layout.hostState('host-a'), 'layers'))).length;
    const before = await layers();
    for (const name of ['site-0', 'site-1'])
      await apply(
        coppice,
        manifest('Template', name, { ...(await template(name)).spec, lifecycle: { coolDown: '6s' } }),
      );
    await coppice.eventually('both are gone', async () => {
      const { items } = await coppice.client.list(TEMPLATES, MINE);
      expect(items.map(({ metadata }) => metadata.name).sort()).toEqual(['base']);
    });
    expect(await layers()).toBeLessThan(before);
  });
});

/** Downloads the server as a package of this machine's Debian. */
async function downloadPackage(folder: string): Promise<BuiltFile> {
  await mkdir(folder);
  await run('apt-get', ['-qq', 'download', SERVER], { cwd: folder });
  const [name = ''] = await readdir(folder);
  const path = join(folder, name);
  const sha256 = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  return { name, path, sha256 };
}
