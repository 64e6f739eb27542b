import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createImageTool } from '../../src/hostd/drivers/common/images.ts';
import { type BenchContext, type Benchmark, interleave, type Ratio, summarise } from './harness.ts';

const MIB = 1024 * 1024;
const DISKS = 10;
const REPETITIONS = 5;
/** Template sizes in MiB of real, incompressible content, from a small one to the paper's (1.5 and 2.3 GB, section 6.2). */
const SIZES = [256, 1024, 2048] as const;
/** Ten disks for ten appliances: copy-on-write overlays against full clones, and overlays over template sizes. */
export const overlay: Benchmark = {
  name: 'overlay',
  description: `${DISKS} overlays against ${DISKS} full clones, for templates of ${SIZES.join(', ')} MiB`,
  run: compareDisks,
};

async function compareDisks(context: BenchContext): Promise<readonly Ratio[]> {
  const folder = await mkdtemp(join(tmpdir(), 'coppice-bench-overlay-'));
  const images = createImageTool({ searchPath: process.env.PATH ?? '' });
  try {
    const templates = new Map<number, string>();
    for (const size of SIZES) templates.set(size, await makeTemplate(folder, size, images));
    const tenDisks = (kind: 'createOverlay' | 'createClone', size: number) => async () => {
      const target = join(folder, 'disks');
      await mkdir(target);
      const names = Array.from({ length: DISKS }, (_, disk) => join(target, `${disk}.qcow2`));
      await Promise.all(names.map((name) => images[kind](templates.get(size) ?? '', name)));
      return { clearUp: () => rm(target, { recursive: true }) };
    };
    const sides = SIZES.flatMap((size) => [
      [`clones-${size}`, tenDisks('createClone', size)] as const,
      [`overlays-${size}`, tenDisks('createOverlay', size)] as const,
    ]);
    return ratios(await interleave<string>(context, REPETITIONS, Object.fromEntries(sides)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function ratios(seconds: Readonly<Record<string, readonly number[]>>): Ratio[] {
  const common = { disks: DISKS, repetitions: REPETITIONS };
  const of = (side: string) => summarise(seconds[side] ?? []);
  const saved = SIZES.map((size): Ratio => {
    const [clones, overlays] = [of(`clones-${size}`), of(`overlays-${size}`)];
    return {
      name: `overlay/less-than-clones-percent-${size}-MiB`,
      value: 100 * (1 - overlays.median / clones.median),
      aim: 99,
      better: 'more',
      raw: { ...common, templateMiB: size, clones, overlays },
    };
  });
  const [smallest, largest] = [of(`overlays-${SIZES[0]}`), of(`overlays-${SIZES[2]}`)];
  const flat: Ratio = {
    name: `overlay/flat-over-size-${SIZES[0]}-to-${SIZES[2]}-MiB`,
    value: largest.median / smallest.median,
    aim: 1.2,
    better: 'less',
    raw: { ...common, smallest, largest },
  };
  return [...saved, flat];
}

/** A template whose every cluster is in use, so that a clone has to copy them all. */
async function makeTemplate(
  folder: string,
  sizeMiB: number,
  images: ReturnType<typeof createImageTool>,
): Promise<string> {
  const raw = join(folder, `${sizeMiB}.raw`);
  const template = join(folder, `${sizeMiB}.qcow2`);
  await pipeline(Readable.from(blocks(sizeMiB)), createWriteStream(raw));
  await images.convert(raw, 'raw', template);
  await rm(raw);
  return template;
}

function* blocks(count: number): Generator<Buffer> {
  const block = Buffer.alloc(MIB);
  let state = 1;
  for (let index = 0; index < count; index++) {
    for (let at = 0; at < MIB; at += 4) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      block.writeUInt32LE(state, at);
    }
    yield Buffer.from(block);
  }
}
