import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { fc } from '../../../../test/fuzz.ts';
import { CHUNK_BYTES, type Chunk } from './chunks.ts';
import { identityOf } from './identity.ts';
import { Lineage } from './lineage.ts';
import { Manifest, ManifestBuilder } from './manifest.ts';
import { leafOf, MerkleTree, proves } from './merkle.ts';
import { type Content, type Extent, scan } from './scan.ts';

/** One letter per chunk: `0` zeroes, `-` the parent's, any other a content of its own. */
function manifestOf(letters: string): Manifest {
  const builder = new ManifestBuilder();
  for (const letter of letters) {
    if (letter === '0') builder.add('zero', 1);
    else if (letter === '-') builder.add('parent', 1);
    else builder.addData(createHash('sha256').update(letter.repeat(CHUNK_BYTES)).digest());
  }
  return builder.build();
}

/** A disk: one letter per chunk; `.` is a chunk of which the file says nothing. */
class Letters implements Content {
  readonly letters: string;
  readonly virtualBytes: number;

  constructor(letters: string, missingBytes = 0) {
    this.letters = letters;
    this.virtualBytes = letters.length * CHUNK_BYTES - missingBytes;
  }

  /** Chunks of one kind that follow each other are one extent, as in a file. */
  async *extents(): AsyncGenerator<Extent> {
    for (const { index, 0: run } of this.letters.matchAll(/\.+|0+|[^.0]+/g)) {
      const start = index * CHUNK_BYTES;
      const length = Math.min(run.length * CHUNK_BYTES, this.virtualBytes - start);
      yield { start, length, kind: run.startsWith('.') ? 'nothing' : run.startsWith('0') ? 'zero' : 'data' };
    }
  }

  async read(target: Buffer, start: number): Promise<void> {
    for (let at = 0; at < target.length; at += CHUNK_BYTES) {
      const letter = this.letters[(start + at) / CHUNK_BYTES] ?? '';
      target.fill(letter === 'z' ? 0 : letter, at, Math.min(at + CHUNK_BYTES, target.length));
    }
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}

const letters = fc.string({ unit: fc.constantFrom('0', '-', 'a', 'b', 'c'), minLength: 1, maxLength: 40 });

/** The tree of RFC 6962, literally. */
function literalRoot(chunks: readonly Chunk[]): Buffer {
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return leafOf(only);
  let left = 1;
  while (left * 2 < chunks.length) left *= 2;
  const parts = [literalRoot(chunks.slice(0, left)), literalRoot(chunks.slice(left))];
  return createHash('sha256')
    .update(Buffer.concat([Buffer.of(1), ...parts]))
    .digest();
}

describe('a manifest', () => {
  it('finds every chunk, before and after it was stored', () => {
    fc.assert(
      fc.property(letters, (text) => {
        const manifest = manifestOf(text);
        const again = Manifest.decode(manifest.encode(), 'm');
        const kinds = (one: Manifest) => [...text].map((_, index) => one.at(index));
        expect(kinds(again)).toEqual(kinds(manifest));
        expect([...again.dataChunks()]).toEqual(
          [...text].flatMap((l, index) => ('abc'.includes(l) ? [index] : [])),
        );
        for (const [rank, index] of [...again.dataChunks()].entries())
          expect(again.dataRank(index)).toBe(rank);
      }),
    );
  });

  it('is refused when it is cut off or has another mark', () => {
    const bytes = manifestOf('a0b').encode();
    for (let end = 0; end < bytes.length; end += 1) {
      if (end === 19 || end === 19 + 7 + 32 || end === 19 + 7 + 32 + 7) continue;
      expect(() => Manifest.decode(bytes.subarray(0, end), 'layer x'), String(end)).toThrow(
        /layer x.*manifest/,
      );
    }
  });
});

describe('the tree of a layer', () => {
  it('has the root of RFC 6962', () => {
    fc.assert(
      fc.property(letters, (text) => {
        const manifest = manifestOf(text);
        const chunks = [...text].map((_, index) => manifest.at(index));
        expect(new MerkleTree(manifest).root()).toEqual(literalRoot(chunks));
      }),
    );
  });

  it('proves each chunk at its place, and no other', () => {
    fc.assert(
      fc.property(letters, fc.nat(), fc.nat(), (text, a, b) => {
        const manifest = manifestOf(text);
        const tree = new MerkleTree(manifest);
        const [index, other] = [a % text.length, b % text.length];
        const proof = { index, chunk: manifest.at(index), beside: tree.proof(index) };
        expect(proves(tree.root(), text.length, proof)).toBe(true);
        const isSame = text[index] === text[other];
        expect(proves(tree.root(), text.length, { ...proof, chunk: manifest.at(other) })).toBe(isSame);
        expect(proves(tree.root(), text.length, { ...proof, index: text.length })).toBe(false);
        expect(proves(tree.root(), text.length, { ...proof, beside: proof.beside.slice(1) })).toBe(
          proof.beside.length === 0,
        );
      }),
    );
  });

  it('is small work for a large disk that is mostly empty', () => {
    const builder = new ManifestBuilder();
    builder.add('zero', 2 ** 40);
    builder.addData(Buffer.alloc(32, 1));
    builder.add('zero', 2 ** 39);
    expect(new MerkleTree(builder.build()).root()).toHaveLength(32);
  });
});

describe('what a scan finds', () => {
  const kindsOf = (manifest: Manifest, count: number) =>
    Array.from({ length: count }, (_, index) => manifest.at(index).kind[0]).join('');

  it('does not depend on how a chunk is stored', async () => {
    const [plain, holes] = [await scan(new Letters('az0b')), await scan(new Letters('a.0b'))];
    const shape = { kind: 'disk', virtualBytes: 4 * CHUNK_BYTES } as const;
    expect(identityOf(shape, holes)).toBe(identityOf(shape, plain));
    expect(kindsOf(plain, 4)).toBe('dzzd');
  });

  it('tells the parent’s chunks from its own, and zeroes from both', async () => {
    const parent = new Lineage([await scan(new Letters('abc0'))]);
    const child = await scan(new Letters('.bz.zd'), { parent });
    expect(kindsOf(child, 6)).toBe('ppzpzd');
    const rewritten = await scan(new Letters('abz00d'), { parent });
    expect(rewritten.encode()).toEqual(child.encode());
    const seen = new Lineage([child, await scan(new Letters('abc0'))]);
    expect([0, 1, 2, 3, 4, 5].map((index) => seen.effectiveAt(index).kind[0]).join('')).toBe('ddzzzd');
    expect([0, 2, 5].map((index) => seen.ownerAt(index))).toEqual([1, undefined, 0]);
  });

  it('pads the last chunk with zeroes, so that a longer child sees the same', async () => {
    const parent = new Lineage([await scan(new Letters('aa', 100))]);
    expect(kindsOf(await scan(new Letters('...'), { parent }), 3)).toBe('ppz');
  });

  it('is of every chunk, however many are read at once', async () => {
    const many = Array.from({ length: 100 }, (_, index) => 'abcdefg'[(index * index) % 7]).join('');
    expect((await scan(new Letters(many))).encode()).toEqual(manifestOf(many).encode());
  });

  it('leaves nothing that is read when it is aborted', async () => {
    let reading = 0;
    class Slow extends Letters {
      override async read(target: Buffer, start: number): Promise<void> {
        reading += 1;
        await setImmediate();
        await super.read(target, start);
        reading -= 1;
      }
    }
    const stop = new AbortController();
    const scanning = scan(new Slow('a'.repeat(100)), {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    });
    await expect(scanning).rejects.toThrow('enough');
    expect(reading).toBe(0);
  });

  it('differs by parent, size, kind and content', async () => {
    const manifest = await scan(new Letters('a'));
    const shape = { kind: 'disk', virtualBytes: CHUNK_BYTES } as const;
    const all = [
      identityOf(shape, manifest),
      identityOf({ ...shape, kind: 'boot' }, manifest),
      identityOf({ ...shape, virtualBytes: 1 }, manifest),
      identityOf({ ...shape, parent: 'f'.repeat(64) }, manifest),
      identityOf(shape, await scan(new Letters('b'))),
    ];
    expect(new Set(all).size).toBe(all.length);
  });
});
