import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import type { ImportStatus } from '../../../src/host/protocol.ts';
import { Simulation } from '../../../src/hostd/drivers/simulated/config.ts';
import { createSimulatedImages } from '../../../src/hostd/drivers/simulated/images.ts';
import { tar, tarEntry } from '../../../src/hostd/guest/packages/testing/archives.ts';
import { aBootableDisk } from '../../builders/disk-images.ts';
import { describeUnless } from '../../skip.ts';
import { eventually, withDirectory } from './fixtures.ts';
import { ImageRegistry, noRegistry, PublicFront } from './image-registry.ts';
import { folderOf, Stores } from './stores.ts';

const images = createSimulatedImages(new Simulation({ clock: systemClock, times: { convert: 1 } }));
const MIB = 1024 * 1024;
const layer = (name: string, text: string | Buffer) => tar(tarEntry({ name, text }));
const other = layer('etc/motd', 'no disk');
/** `arm64` is what another machine has. */
const [here, elsewhere] = process.arch === 'arm64' ? ['arm64', 'amd64'] : ['amd64', 'arm64'];

describeUnless(noRegistry, 'a containerDisk', () => {
  let registry: ImageRegistry;
  let front: PublicFront;
  beforeAll(async () => {
    registry = await ImageRegistry.start();
  });
  afterAll(() => registry.close());
  beforeEach(async () => {
    front = await PublicFront.start(registry);
  });
  afterEach(() => front.close());

  async function withStore(work: (store: Stores, directory: string) => Promise<void>): Promise<void> {
    await withDirectory(async (directory) => {
      const store = new Stores(directory, { images });
      await store.open();
      try {
        await work(store, directory);
      } finally {
        await store.close();
      }
    });
  }

  async function put(store: Stores, url: string, digest: string) {
    const sha256 = digest.replace('sha256:', '');
    await store.put(sha256, { kind: 'disk', url, template: 'default/x' });
    return async (holds: (status: ImportStatus) => boolean) =>
      eventually(
        async () => {
          const status = store.get(sha256);
          return status !== undefined && holds(status) ? status : undefined;
        },
        async () => store.get(sha256),
      );
  }

  /** Fetched as it is, and found to be a disk of this size. */
  async function becomes(url: string, digest: string, bytes: number): Promise<void> {
    await withStore(async (store, directory) => {
      const until = await put(store, url, digest);
      const status = await until(({ state }) => state === 'Ready');
      const path = store.layers.readyPath(status.identity ?? '') ?? '';
      expect((await images.inspect(path, 'qcow2')).virtualBytes).toBe(bytes);
      const left = await readdir(folderOf(directory, digest.replace('sha256:', ''), 'disk'));
      expect(left.toSorted()).toEqual(['import.json', 'source.json']);
    });
  }

  async function fails(url: string, digest: string, reason: string, message: RegExp): Promise<void> {
    await withStore(async (store) => {
      const until = await put(store, url, digest);
      const { problem } = await until((status) => status.problem !== undefined);
      expect(problem).toMatchObject({ reason, message: expect.stringMatching(message) });
    });
  }

  const direct = (repository: string) => `docker://127.0.0.1:${registry.port}/${repository}`;
  const throughFront = (repository: string) => `docker://127.0.0.1:${front.port}/${repository}:latest`;

  it('is fetched by the digest of its manifest, whatever its layers are packed in', async () => {
    const disk = aBootableDisk('packings', 3 * MIB);
    const plain = layer('disk/disk.img', disk);
    const zstd = execFileSync('zstd', ['-qc'], { input: plain });
    for (const packed of [plain, gzipSync(plain), zstd]) {
      const { digest } = await registry.push('disks/packings', [packed]);
      await becomes(direct('disks/packings'), digest, 3 * MIB);
    }
  });

  it('is the one for this machine of an index, and in the highest layer that has a disk', async () => {
    const mine = await registry.push('disks/many', [
      gzipSync(layer('disk/old.img', aBootableDisk('old', MIB))),
      gzipSync(layer('disk/disk.img', aBootableDisk('new', 2 * MIB))),
      gzipSync(other),
    ]);
    const others = await registry.push('disks/many', [other], elsewhere);
    const { digest } = await registry.pushIndex('disks/many', {
      [`linux/${elsewhere}`]: others,
      [`windows/${here}`]: others,
      [`linux/${here}`]: mine,
    });
    await becomes(direct('disks/many'), digest, 2 * MIB);
    const foreign = await registry.pushIndex('disks/many', { [`linux/${elsewhere}`]: others });
    await fails(
      direct('disks/many'),
      foreign.digest,
      'ImageInvalid',
      /no image for linux\/.*, but for linux\//,
    );
  });

  it('is fetched as anybody may, and goes on where the connection broke off', async () => {
    const disk = Buffer.concat([aBootableDisk('public'), randomBytes(2 * MIB)]);
    const { digest } = await registry.push('public/disk', [layer('disk/disk.img', disk), other]);
    front.breakAfter = 0;
    await withStore(async (store) => {
      const until = await put(store, throughFront('public/disk'), digest);
      // The layer above has no disk.
      await until(({ state }) => state === 'Ready');
    });
    front.requests.length = 0;
    const single = await registry.push('public/single', [layer('disk/disk.img', disk)]);
    front.breakAfter = MIB;
    await becomes(throughFront('public/single'), single.digest, disk.length);
    const manifest = `/v2/public/single/manifests/${single.digest}`;
    const blob = expect.stringMatching(/^\/v2\/public\/single\/blobs\//);
    const resumed = expect.stringMatching(/^\/v2\/public\/single\/blobs\/.* bytes=[1-9][0-9]*-$/);
    const begun = [manifest, '/token', manifest];
    expect(front.requests).toEqual([
      ...begun,
      blob,
      'store',
      ...begun,
      resumed,
      expect.stringMatching(/^store bytes=[1-9][0-9]*-$/),
    ]);
  });

  it('that cannot be used is refused, with what it is', async () => {
    const disk = aBootableDisk('refused');
    const none = await registry.push('bad/none', [gzipSync(other), gzipSync(other)]);
    await fails(direct('bad/none'), none.digest, 'ImageInvalid', /none of its 2 layers has a file there/);
    const two = tar(tarEntry({ name: 'disk/a', text: disk }), tarEntry({ name: 'disk/b', text: disk }));
    const several = await registry.push('bad/two', [two]);
    await fails(direct('bad/two'), several.digest, 'ImageInvalid', /has 2 \(disk\/a, disk\/b\)/);
    const html = await registry.push('bad/text', [layer('disk/disk.img', '<html><body>no disk')]);
    await fails(direct('bad/text'), html.digest, 'ImageInvalid', /web page/);
  });

  it('that is not there, or not for everybody, says so', async () => {
    const { digest } = await registry.push('hidden/disk', [layer('disk/disk.img', aBootableDisk('hidden'))]);
    const missing = `sha256:${'0'.repeat(64)}`;
    await fails(direct('hidden/disk'), missing, 'SourceUnreachable', /no manifest sha256:0000.*crane digest/);
    await fails(direct('no/such'), digest, 'SourceUnreachable', /no manifest/);
    front.challenge = 'Basic realm="a login"';
    await fails(throughFront('hidden/disk'), digest, 'RegistryRefused', /wants a login/);
    front.challenge = 'Bearer realm="file:///etc/passwd"';
    await fails(throughFront('hidden/disk'), digest, 'RegistryRefused', /wants a login/);
  });

  it('is not fetched from where no registry is', async () => {
    const { digest } = await registry.push('moved/disk', [layer('disk/disk.img', aBootableDisk('moved'))]);
    front.redirect = () => 'file:///etc/passwd';
    await fails(throughFront('moved/disk'), digest, 'SourceUnsupported', /file:\/\/\/etc\/passwd/);
    await fails('docker://127.0.0.1:1/moved/disk', digest, 'SourceUnreachable', /ECONNREFUSED|refused/i);
    await fails('docker://registry', digest, 'SourceUnsupported', /docker:/);
  });
});
