import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findCondition } from '../../src/api/conditions.ts';
import { VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { locate } from '../../src/hostd/programs.ts';
import { MisbehavingServer } from '../integration/hostd/misbehaving-server.ts';
import { freePorts } from '../kubernetes/processes.ts';
import { describeUnless } from '../skip.ts';
import { type BuiltFile, buildCloudImage, type CloudImage, noCloudImage } from './cloud-image.ts';
import { Coppice } from './coppice.ts';
import { killAndWait, processesNaming } from './processes.ts';
import { noQemu } from './qemu/scene.ts';
import { apply, fetchText, type Manifest, manifest, urlOf } from './tasks.ts';

const path = process.env.PATH ?? '';
/** A first boot takes a minute, and six on a machine on which twenty others want to run. */
const BOOT_MS = 900_000;
const KEY = `ssh-ed25519 ${Buffer.alloc(51, 'key').toString('base64')} somebody@somewhere`;
/** Shorter by the twenty seconds in which an emulated machine finds an RSA key. */
const USER_DATA = `#cloud-config
ssh_genkeytypes: [ed25519]
write_files:
  - {path: /etc/greeting, content: "Grüße\\n"}
runcmd:
  - [sh, -c, "echo run >>/var/lib/runs"]
`;
/** Serves what the guest has become; Python is there for cloud-init. */
const SERVICE = `mkdir -p /run/site && cd /run/site && {
  hostname; cat /etc/hostname /etc/greeting /var/lib/runs /home/debian/.ssh/authorized_keys
} >facts && cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub >identity && exec python3 -m http.server 8080`;
const FACTS = `web\nweb\nGrüße\nrun\n${KEY}\n`;

describeUnless(noQemu ?? noCloudImage, 'a stock cloud image without an agent', () => {
  let coppice: Coppice;
  let server: MisbehavingServer;
  let image: CloudImage;
  let identity: string;

  beforeAll(async () => {
    image = await buildCloudImage(resolve(import.meta.dirname, '../..'));
    const files = new Map([image.disk, ...image.agentPackages].map((file) => [`/${file.name}`, file]));
    server = await MisbehavingServer.start();
    server.answer(async (request, response) => {
      const file = files.get(decodeURIComponent(request.url ?? ''));
      if (file === undefined) return void response.writeHead(404).end();
      response.writeHead(200, { 'content-length': (await stat(file.path)).size });
      // A daemon that is killed takes no more; the next one asks again.
      await pipeline(createReadStream(file.path), response).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE' && error.code !== 'ECONNRESET') throw error;
      });
    });
    coppice = await Coppice.create();
    await putInFront(join(coppice.dataDir, 'bin'));
    const [port] = await freePorts(1);
    await coppice.run('up', '--hosts', '1', '--api-port', `${port}`);
  });
  afterAll(async () => {
    process.env.PATH = path;
    await coppice?.close();
    await server?.close();
  });

  /** A xorriso that stops in the middle, if it should, and is the real one else. */
  async function putInFront(folder: string): Promise<void> {
    const real = await locate('xorriso', path);
    const script = `#!/bin/sh\n[ ! -e "${stopping()}" ] || kill -STOP $$\nexec ${real} "$@"\n`;
    await mkdir(folder);
    await writeFile(join(folder, 'xorriso'), script, { mode: 0o755 });
    process.env.PATH = `${folder}:${path}`;
  }

  /** While this file exists, no seed is finished. */
  const stopping = () => join(coppice.dataDir, 'stop-seeds');

  const sourceOf = ({ name, sha256 }: BuiltFile) => ({
    url: server.url(`/${encodeURIComponent(name)}`),
    sha256,
  });
  const templateOf = (): Manifest =>
    manifest('Template', 'cloud', {
      source: { image: sourceOf(image.disk) },
      guest: { init: 'cloud-init', agentPackages: image.agentPackages.map(sourceOf) },
      container: { type: 'command', port: 8080 },
    });
  const applianceOf = (userData: string): Manifest =>
    manifest('VirtualAppliance', 'web', {
      template: { name: 'cloud' },
      resources: { cpu: '1', memory: '512Mi' },
      parameters: {
        sshAuthorizedKeys: [KEY],
        cloudInit: { userData },
        command: ['/bin/sh', '-c', SERVICE],
        probe: { http: { path: '/facts' } },
      },
    });

  const web = () => coppice.client.get(VIRTUAL_APPLIANCES, { name: 'web', namespace: 'default' });
  const untilReady = (what: string, holds: (found: VirtualAppliance) => boolean = () => true) =>
    coppice.eventually(
      what,
      async () => {
        const found = await web();
        expect(findCondition(found.status?.conditions, 'Ready')).toMatchObject({ status: 'True' });
        expect(holds(found)).toBe(true);
        return found;
      },
      BOOT_MS,
    );
  const folder = async () => {
    const [uuid = ''] = await coppice.overlays();
    return join(coppice.layout.hostState('host-a'), 'appliances', uuid);
  };
  const seedFiles = async () => (await readdir(await folder())).filter((name) => name.startsWith('seed-'));
  const packers = async () =>
    (await processesNaming(coppice.dataDir)).filter(({ argv }) =>
      argv.some((argument) => argument.endsWith('/xorriso')),
    );

  it('gets no VM with user data that cloud-init could not read', async () => {
    await apply(coppice, templateOf());
    await expect(apply(coppice, applianceOf('write_files: []'))).rejects.toThrow(
      /userData begins with none of the lines by which cloud-init knows what it is/,
    );
    await apply(coppice, applianceOf('#cloud-config\nwrite_files: [\n'));
    await coppice.eventually('the appliance says so', async () => {
      const ready = findCondition((await web()).status?.conditions, 'Ready');
      const message = expect.stringMatching(
        /userData cannot be used: its YAML cannot be read: .*; correct it/,
      );
      expect(ready).toMatchObject({ status: 'False', reason: 'UserDataInvalid', message });
    });
    expect(await coppice.overlays()).toEqual([]);
  });

  it('has one whole seed after a daemon that was killed while it made it', async () => {
    await writeFile(stopping(), '');
    await apply(coppice, applianceOf(USER_DATA));
    await coppice.eventually('xorriso stands still', async () => expect(await packers()).toHaveLength(1));
    expect(await seedFiles()).toEqual([expect.stringMatching(/^seed-[0-9a-f]{16}\.iso\.files$/)]);
    await coppice.kill('host-a');
    await coppice.eventually('it ends', async () => expect(await packers()).toEqual([]));
    await rm(stopping());
    await coppice.run('up');
    await coppice.eventually('the VM runs', async () => expect(await coppice.vms()).toHaveLength(1));
    const [name = '', ...others] = await seedFiles();
    expect([name, others]).toEqual([expect.stringMatching(/^seed-[0-9a-f]{16}\.iso$/), []]);
    expect((await stat(join(await folder(), name))).mode & 0o777).toBe(0o600);
  });

  it('boots by its own loader, gets its agent from the seed, and is what its user wrote', {
    timeout: BOOT_MS,
  }, async () => {
    const found = await untilReady('the service answers');
    expect(await fetchText(`${urlOf(found)}facts`)).toBe(FACTS);
    identity = await fetchText(`${urlOf(found)}identity`);
    expect(await coppice.run('logs', 'web')).toMatch(
      /coppice: looking for packages of qemu-guest-agent on the seed/,
    );
  });

  it('is the same machine after a restart, and nothing is done a second time', {
    timeout: BOOT_MS,
  }, async () => {
    const before = await web();
    for (const { pid } of await coppice.vms()) await killAndWait(pid);
    const after = await untilReady(
      'the service answers again',
      ({ status }) => status?.vm?.pid !== undefined && status.vm.pid !== before.status?.vm?.pid,
    );
    expect(await fetchText(`${urlOf(after)}facts`)).toBe(FACTS);
    expect(await fetchText(`${urlOf(after)}identity`)).toBe(identity);
  });
});
