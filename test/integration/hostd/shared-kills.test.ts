import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { describeUnless } from '../../skip.ts';
import { createCertificates, eventually, sourceFile, withDirectory } from './fixtures.ts';
import { type Child, killChild, startChild } from './killable.ts';
import { withSharedMounts } from './shared-directories.ts';
import { cannotMount } from './small-disk.ts';

const SHARED = { peers: [], readers: [], shared: true };
const BYTES = 48 * 1024 * 1024;

describeUnless(cannotMount, 'a daemon that is killed while it puts a layer into the shared directory', () => {
  let running: Child[] = [];
  afterEach(async () => {
    const alive = running.filter(
      ({ process: { exitCode, signalCode } }) => (exitCode ?? signalCode) === null,
    );
    for (const child of alive) await killChild(child);
    running = [];
  });

  /** What lies in the directory: whole copies, and what is not finished. */
  const contentsOf = async (exported: string, identity: string) => ({
    copies: await readdir(join(exported, 'layers', identity)).catch(() => []),
    unfinished: (await readdir(join(exported, 'unfinished'), { recursive: true }).catch(() => [])).filter(
      (path) => path.includes(identity),
    ),
  });

  it('loses nothing, and one copy is there in the end, wherever it was killed', {
    timeout: 300_000,
  }, async () => {
    const certificates = await createCertificates();
    await withDirectory(async (directory) => {
      await withSharedMounts(directory, async ({ exported, a, b }) => {
        const hosts = { a: join(directory, 'a'), b: join(directory, 'b') };
        for (const folder of Object.values(hosts)) await mkdir(folder);
        const start = async (name: 'a' | 'b', sharedDirectory: string) => {
          const child = await startChild(hosts[name], certificates, { sharedDirectory });
          running.push(child);
          return child;
        };
        const content = randomBytes(BYTES);
        const { url, sha256 } = await sourceFile(directory, 'source', content);
        let host = await start('a', a);
        const imported = () => host.client.putImport(sha256, { kind: 'boot', url, template: 'default/one' });
        const identity = await eventually(async () => (await imported()).identity, imported, 60_000);
        const status = () => host.client.getLayer(identity);

        // Each kill a little later than the one before, until one comes when all is done.
        let inTheMiddle = 0;
        for (let delay = 0; (await status())?.shared === undefined; delay = delay * 1.3 + 30) {
          expect(delay).toBeLessThan(10_000);
          await host.client.putLayer(identity, SHARED);
          const begun = async () => {
            const { copies, unfinished } = await contentsOf(exported, identity);
            return copies.length + unfinished.length > 0 ? true : undefined;
          };
          await eventually(begun, begun);
          await new Promise((resolve) => setTimeout(resolve, delay));
          await killChild(host);
          const left = await contentsOf(exported, identity);
          if (left.copies.length === 0 && left.unfinished.length > 0) inTheMiddle += 1;
          host = await start('a', a);
          expect(await status()).toMatchObject({ state: 'Ready' });
        }
        expect(inTheMiddle).toBeGreaterThan(0);
        const { copies, unfinished } = await contentsOf(exported, identity);
        expect({ copies: copies.length, unfinished }).toEqual({ copies: 1, unfinished: [] });
        expect((await readFile(join(hosts.a, 'state/layers', identity, 'blob'))).equals(content)).toBe(true);

        // One who comes to use it is killed, too; then both release it.
        let other = await start('b', b);
        await other.client.putLayer(identity, SHARED);
        await killChild(other);
        other = await start('b', b);
        expect(await other.client.getLayer(identity)).toMatchObject({ state: 'Ready' });
        await host.client.deleteImport({ sha256, kind: 'boot', namespace: 'default' });
        await host.client.deleteLayer(identity);
        expect(await other.client.getLayer(identity)).toMatchObject({ state: 'Ready' });
        expect((await contentsOf(exported, identity)).copies).toEqual(copies);
        await other.client.deleteLayer(identity);
        expect(await readdir(join(exported, 'layers'))).toEqual([]);
      });
    });
  });
});
