import { execFile } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createImageTool } from '../../../src/hostd/drivers/common/images.ts';
import { Stores } from '../../integration/hostd/stores.ts';
import type { BenchContext, Ratio } from '../harness.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;
/** All of them are alike, so that more of them give the same ratio, and take longer. */
const LAYERS = Number(process.env.COPPICE_BENCH_LAYERS ?? 1000);
const PARENT_MIB = 1024;
const AT_ONCE = 4;

/** What layers of a megabyte on one parent take of the host's disk, against that megabyte. */
export async function measureDiskUse(context: BenchContext, folder: string): Promise<Ratio[]> {
  const images = createImageTool({ searchPath: process.env.PATH ?? '' });
  const stores = new Stores(join(folder, 'host'), { images });
  await stores.open();
  const parent = await aDisk(join(folder, 'parent'), []);
  const { identity } = await stores.layers.seal({ path: parent, kind: 'disk' }, {});
  const root = join(folder, 'host', 'layers');
  const before = await allocatedBytes(root);
  const begun = context.now();
  await eachOf(LAYERS, async (index) => {
    const path = await anOverlay(folder, index, stores.layers.readyPath(identity) ?? '');
    const options = { signal: new AbortController().signal, onProgress: () => undefined };
    await stores.layers.sealOn(path, identity, options);
    await rm(path);
  });
  const seconds = context.now() - begun;
  context.log(`${LAYERS} layers were sealed in ${seconds.toFixed(1)} s`);
  const allocated = (await allocatedBytes(root)) - before;
  await stores.close();
  return [
    {
      name: `templates/disk-of-${LAYERS}-templates-of-1-MiB-against-their-data`,
      value: allocated / (LAYERS * MIB),
      aim: 1.1,
      better: 'less',
      raw: {
        counted: 'what `du` says of their folders (file, manifest, record), ÷ their own data',
        layers: LAYERS,
        allocatedBytes: allocated,
        secondsToMakeAndSeal: seconds,
      },
    },
  ];
}

/** An overlay that a megabyte was written to, somewhere. */
async function anOverlay(folder: string, index: number, parent: string): Promise<string> {
  const content = join(folder, `content-${index}`);
  await writeFile(content, randomFillSync(Buffer.alloc(MIB)));
  const at = (index * 7919) % PARENT_MIB;
  const path = join(folder, `overlay-${index}`);
  try {
    return await aDisk(path, [`write -q -s ${content} ${at}M 1M`], parent);
  } finally {
    await rm(content);
  }
}

async function aDisk(path: string, commands: readonly string[], backing?: string): Promise<string> {
  const on = backing === undefined ? [] : ['-F', 'qcow2', '-b', backing];
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', ...on, path, `${PARENT_MIB}M`]);
  if (commands.length > 0)
    await run('qemu-io', ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), path]);
  return path;
}

async function allocatedBytes(folder: string): Promise<number> {
  const { stdout } = await run('du', ['--summarize', '--block-size=1', folder]);
  return Number(stdout.split('\t', 1)[0]);
}

async function eachOf(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
