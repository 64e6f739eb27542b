import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findCondition } from '../../src/api/conditions.ts';
import { VIRTUAL_APPLIANCES } from '../../src/api/kinds.ts';
import { locate } from '../../src/hostd/programs.ts';
import { MisbehavingServer } from '../integration/hostd/misbehaving-server.ts';
import { freePorts } from '../kubernetes/processes.ts';
import { describeUnless } from '../skip.ts';
import { type BuiltFile, buildCloudImage, type CloudImage, noCloudImage } from './cloud-image.ts';
import { Coppice } from './coppice.ts';
import { processesNaming } from './processes.ts';
import { noQemu } from './qemu/scene.ts';
import { apply, type Manifest, manifest } from './tasks.ts';

const path = process.env.PATH ?? '';
const USER_DATA = '#cloud-config\n';

/** How such an image boots, gets its agent and stays the same machine: from-image-to-recall.test.ts. */
describeUnless(noQemu ?? noCloudImage, 'the seed of a cloud image', () => {
  let coppice: Coppice;
  let server: MisbehavingServer;
  let image: CloudImage;

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
      parameters: { cloudInit: { userData }, command: ['/bin/true'] },
    });

  const web = () => coppice.client.get(VIRTUAL_APPLIANCES, { name: 'web', namespace: 'default' });
  const folder = async () => {
    const [uuid = ''] = await coppice.overlays();
    return join(coppice.layout.hostState('host-a'), 'appliances', uuid);
  };
  const seedFiles = async () => (await readdir(await folder())).filter((name) => name.startsWith('seed-'));
  const packers = async () =>
    (await processesNaming(coppice.dataDir)).filter(({ argv }) =>
      argv.some((argument) => argument.endsWith('/xorriso')),
    );

  it('is not made of user data that cloud-init could not read', async () => {
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

  it('is whole after a daemon that was killed while it made it', async () => {
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
});
