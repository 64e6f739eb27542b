import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureSpace } from '../../../../src/hostd/files/space.ts';
import { CHUNK_BYTES } from '../../../../src/hostd/layers/content/chunks.ts';
import { PresenceMap } from '../../../../src/hostd/layers/transfer/presence-map.ts';
import { removeReceived } from '../../../../src/hostd/layers/transfer/receive-layer.ts';
import { describeUnless } from '../../../skip.ts';
import { withDirectory } from '../fixtures.ts';
import { cannotMount, withSmallDisk } from '../small-disk.ts';
import {
  type Asking,
  createFleet,
  type Fleet,
  hostFolders,
  makeDisk,
  place,
  qemuImg,
  randomParts,
  receive,
  type Sealed,
  type Source,
  type SourceOptions,
  seal,
  startSource,
} from './fixtures.ts';

const MIB = 1024 * 1024;
const CHUNKS = 400;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await createFleet();
});

type Scene = {
  readonly layer: Sealed;
  readonly source: Source;
  /** Another host with the layer, which gives it at full speed. */
  readonly next: Source;
  readonly asking: Asking;
  readonly unfinished: string;
  readonly scratch: string;
  readonly root: string;
};

async function withSource(
  work: (scene: Scene) => Promise<void>,
  change?: SourceOptions['change'],
): Promise<void> {
  await withDirectory(async (directory) => {
    const [a, c] = [await hostFolders(directory, 'a'), await hostFolders(directory, 'c')];
    const scratch = join(directory, 'scratch');
    await makeDisk(scratch, 64 * MIB, randomParts(0, CHUNKS));
    const layer = await seal(a.root, scratch, 'disk');
    const source = await startSource({
      fleet,
      name: 'host-a',
      root: a.root,
      ...(change === undefined ? {} : { change }),
    });
    const next = await startSource({ fleet, name: 'host-b', root: a.root });
    const asking = { fleet, directory: c.unfinished, peers: [source.peer] };
    try {
      await work({ layer, source, next, asking, unfinished: c.unfinished, scratch, root: c.root });
    } finally {
      await source.close();
      await next.close();
    }
  });
}

/** As over a slow line. */
const slowly: NonNullable<SourceOptions['change']> = (layer) => ({
  read: async (index, target) => {
    await new Promise((resolve) => setTimeout(resolve, 30));
    await layer.read(index, target);
  },
});

async function expectSame(layer: Sealed, file: string): Promise<void> {
  expect(await qemuImg('compare', '-f', 'qcow2', '-F', 'qcow2', layer.file, file)).toContain('identical');
}

async function presentIn(unfinished: string, { identity }: Sealed): Promise<PresenceMap> {
  const bytes = await readFile(join(unfinished, identity, 'present'));
  return PresenceMap.decode(bytes, identity, CHUNKS) as PresenceMap;
}

describe('a host that is killed while it receives a layer', () => {
  it('goes on with what it had', async () => {
    await withSource(async ({ layer, next, asking, unfinished, scratch }) => {
      await writeFile(scratch, JSON.stringify({ layer, asking: { ...asking, flushMs: 50 } }));
      const program = join(import.meta.dirname, 'receiving.ts');
      const child = spawn(process.execPath, [program, scratch], { stdio: ['ignore', 'pipe', 'inherit'] });
      const exit = once(child, 'exit');
      for await (const line of createInterface(child.stdout))
        if (Number(line) > (CHUNKS / 2) * CHUNK_BYTES) break;
      child.kill('SIGKILL');
      await exit;
      const { count } = await presentIn(unfinished, layer);
      expect(count).toBeGreaterThan(0);
      expect(count).toBeLessThan(CHUNKS);
      const { file } = await receive(layer, { ...asking, peers: [next.peer] });
      expect(new Set(next.read).size).toBe(next.read.length);
      expect(next.read).toHaveLength(CHUNKS - count);
      await expectSame(layer, file);
    }, slowly);
  });

  it('asks for nothing when the file was whole already, and it may be read-only', async () => {
    await withSource(async ({ layer, source, asking, root, unfinished }) => {
      const placed = await place(root, layer.identity, await receive(layer, asking));
      source.read.length = 0;
      const again = await receive(layer, { ...asking, peers: [] });
      await expectSame(layer, again.file);
      expect(source.read).toEqual([]);
      await removeReceived(unfinished, layer.identity);
      expect(await readdir(unfinished)).toEqual([]);
      await expectSame(layer, placed.file);
    });
  });

  it('fetches again what is not what it was, and all when it cannot tell', async () => {
    await withSource(async ({ layer, source, asking, unfinished }) => {
      const { file } = await receive(layer, asking);
      const handle = await open(file, 'r+');
      const { size } = await handle.stat();
      await handle.write(Buffer.from('damage'), 0, 6, size - 10 * CHUNK_BYTES);
      await handle.close();
      source.read.length = 0;
      await receive(layer, asking);
      expect(source.read).toEqual([CHUNKS - 10]);
      for (const [name, refetched] of [
        ['present', CHUNKS],
        ['manifest', CHUNKS],
        ['shape.json', CHUNKS],
      ] as const) {
        await writeFile(join(unfinished, layer.identity, name), 'damage');
        source.read.length = 0;
        await expectSame(layer, (await receive(layer, asking)).file);
        expect(source.read).toHaveLength(refetched);
      }
    });
  });
});

it('a host that stops in the middle keeps all that arrived', async () => {
  await withSource(async ({ layer, next, asking, unfinished }) => {
    const stop = new AbortController();
    const onProgress = ({ present }: { present: number }) => {
      if (present > 100 * CHUNK_BYTES) stop.abort(new Error('enough'));
    };
    await expect(receive(layer, { ...asking, signal: stop.signal, onProgress })).rejects.toThrow('enough');
    const { count } = await presentIn(unfinished, layer);
    expect(count).toBeGreaterThan(100);
    await expectSame(layer, (await receive(layer, { ...asking, peers: [next.peer] })).file);
    expect(next.read).toHaveLength(CHUNKS - count);
  }, slowly);
});

describeUnless(cannotMount, 'a host whose disk is too small for a layer', () => {
  it.each([
    ['before it begins', true],
    ['when it is full', false],
  ])('says so %s, and keeps nothing', async (_, looks) => {
    await withSource(async ({ layer, source, asking, unfinished }) => {
      await withSmallDisk(unfinished, 8 * MIB, async (mount) => {
        const ensureRoom = (bytes: number) =>
          looks ? ensureSpace(mount, 'a layer', bytes, 0) : Promise.resolve();
        await expect(receive(layer, { ...asking, directory: mount, ensureRoom })).rejects.toMatchObject({
          reason: 'DiskFull',
          message: expect.stringContaining('free some space'),
        });
        expect(source.read.length === 0).toBe(looks);
        expect(await readdir(mount)).toEqual([]);
      });
    });
  });
});
