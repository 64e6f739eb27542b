import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { load } from 'js-yaml';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TEMPLATES } from '../../../src/api/kinds.ts';
import { tar, tarEntry } from '../../../src/hostd/guest/packages/testing/archives.ts';
import { itUnless } from '../../skip.ts';
import { ImageRegistry, noRegistry } from '../hostd/image-registry.ts';
import { MisbehavingServer, serving } from '../hostd/misbehaving-server.ts';
import { World } from '../operator/world.ts';
import { runCli } from './run.ts';

const IMAGE = randomBytes(200_000);
const digest = (algorithm: string, content = IMAGE) => createHash(algorithm).update(content).digest('hex');
const SHA256 = digest('sha256');

describe('coppice template add', () => {
  let server: MisbehavingServer;
  let folder: string;
  const files = new Map<string, Buffer>();
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-templates-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  beforeEach(async () => {
    files.clear();
    files.set('/images/my%20disk.qcow2', IMAGE);
    server = await MisbehavingServer.start();
    server.answer((request, response) => {
      const content = files.get(request.url ?? '');
      if (content === undefined) response.writeHead(404).end();
      else serving(content)(request, response);
    });
  });
  afterEach(() => server.close());

  const url = () => server.url('/images/my%20disk.qcow2');
  const add = (...args: readonly string[]) =>
    runCli('/no/such/kubeconfig', 'template', 'add', 'mine', ...args);
  /** The image of the Template that it prints. */
  async function imageOf(...args: readonly string[]): Promise<unknown> {
    const { code, stdout, stderr } = await add(...args, '--dry-run');
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining(SHA256) });
    return (load(stdout) as { spec: { source: { image: unknown } } }).spec.source.image;
  }
  async function refuses(sentence: RegExp, ...args: readonly string[]): Promise<void> {
    const { code, stdout, stderr } = await add(...args, '--dry-run');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(sentence);
  }

  it.each(['SHA256SUMS', 'CHECKSUM', 'my%20disk.qcow2.sha256'])(
    'finds the digest in %s beside the image, and does not fetch that',
    async (name) => {
      files.set(
        `/images/${name}`,
        Buffer.from(`${'0'.repeat(64)}  other\nSHA256 (my disk.qcow2) = ${SHA256}\n`),
      );
      expect(await imageOf(url())).toEqual({ url: url(), sha256: SHA256 });
      expect(server.requests).not.toContain('/images/my%20disk.qcow2');
    },
  );

  it('reads the image once where only its SHA-512 is known', async () => {
    files.set('/images/SHA512SUMS', Buffer.from(`${digest('sha512')}  my disk.qcow2\n`));
    expect(await imageOf(url())).toEqual({ url: url(), sha256: SHA256 });
    files.set(
      '/images/SHA512SUMS',
      Buffer.from(`${digest('sha512', Buffer.from('other'))}  my disk.qcow2\n`),
    );
    await refuses(/has the sha512 .*SHA512SUMS gives it .*fetch it again/, url());
  });

  it('takes a file of checksums from anywhere, or a digest', async () => {
    files.set('/sums', Buffer.from(`${SHA256} *./x/my disk.qcow2\n`));
    expect(await imageOf(url(), '--sums', server.url('/sums'))).toMatchObject({ sha256: SHA256 });
    const local = join(folder, 'sums');
    await writeFile(local, `${SHA256}  my disk.qcow2\n`);
    expect(await imageOf(url(), '--sums', local)).toMatchObject({ sha256: SHA256 });
    expect(await imageOf(url(), '--sha256', SHA256)).toMatchObject({ sha256: SHA256 });
    await refuses(/\/nowhere answered with HTTP status 404/, url(), '--sums', server.url('/nowhere'));
    await writeFile(local, `${SHA256}  another\n`);
    await refuses(/sums gives no sha256 or sha512 of my disk\.qcow2/, url(), '--sums', local);
    await refuses(/64 lower-case hexadecimal digits/, url(), '--sha256', 'abc');
  });

  it('computes that of a local file, and compares it with what is known', async () => {
    const path = join(folder, 'my disk.qcow2');
    await writeFile(path, IMAGE);
    const image = { url: pathToFileURL(path).href, sha256: SHA256 };
    expect(await imageOf(path)).toEqual(image);
    expect(await imageOf(image.url)).toEqual(image);
    const sums = join(folder, 'SHA256SUMS');
    await writeFile(sums, `${'0'.repeat(64)}  my disk.qcow2\n`);
    await refuses(/has the sha256 .* gives it 0000/, path, '--sums', sums);
  });

  it('says what to do where nothing is found', async () => {
    await refuses(/no digest of my disk\.qcow2 was found.*SHA256SUMS.*--sums.*--sha256/, url());
    // A server that answers everything with a page.
    server.answer((_, response) => response.end('<html>'));
    await refuses(/no digest of my disk\.qcow2 was found/, url());
    await refuses(/no-such-file does not exist/, join(folder, 'no-such-file'));
    await refuses(/neither a path nor/, 'ftp://example.org/disk');
    await refuses(/user and password/, 'https://me:secret@example.org/disk');
  });

  itUnless(noRegistry, 'takes the digest of the manifest that a tag names', async () => {
    const registry = await ImageRegistry.start();
    try {
      const layer = tar(tarEntry({ name: 'disk/a', text: IMAGE }));
      const pushed = await registry.push('disks/debian', [layer], 'amd64', '12');
      const image = `docker://127.0.0.1:${registry.port}/disks/debian`;
      const { code, stdout } = await add(`${image}:12`, '--dry-run', '-o', 'json');
      expect({ code, image: JSON.parse(stdout).spec.source.image }).toEqual({
        code: 0,
        image: { url: `${image}:12`, sha256: pushed.digest.replace('sha256:', '') },
      });
      await refuses(/has no manifest latest/, image);
    } finally {
      await registry.close();
    }
  });

  it('makes the Template', async () => {
    const world = await World.start();
    try {
      const options = ['--series', 'debian', '--version', '12.1', '--container', 'static-site'];
      const { code, stdout } = await runCli(
        world.api.kubeconfigPath,
        ...['template', 'add', 'mine', url(), '--sha256', SHA256, '--minimum-memory', '256Mi', ...options],
      );
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringContaining('Template default/mine is made'),
      });
      const { spec } = await world.kube.get(TEMPLATES, { name: 'mine', namespace: 'default' });
      expect(spec).toMatchObject({
        series: 'debian',
        version: '12.1',
        source: { image: { url: url(), sha256: SHA256 } },
        guest: { minimumMemory: '256Mi' },
        container: { type: 'static-site' },
      });
    } finally {
      await world.stop();
    }
  });
});
