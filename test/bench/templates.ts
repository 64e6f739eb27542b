import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchContext, Benchmark, Ratio } from './harness.ts';
import { measureChoice } from './templates/choose.ts';
import { measureCopy } from './templates/copy.ts';
import { measureDiskUse } from './templates/disk-use.ts';
import { measureImport } from './templates/import.ts';
import { measureLife } from './templates/life.ts';
import { measureList } from './templates/list.ts';

type Measurement = (context: BenchContext, folder: string) => Promise<readonly Ratio[]> | readonly Ratio[];

const MEASUREMENTS: readonly Measurement[] = [
  measureImport,
  measureCopy,
  measureChoice,
  measureList,
  measureDiskUse,
  measureLife,
];

/** The life of a template: how it comes to a host and from there to others, is found among many, and what it takes of a disk. */
export const templates: Benchmark = {
  name: 'templates',
  description:
    'import, copy between hosts, choice and list of many templates, disk use of small ones; builds, recall and redeployment',
  run: async (context) => {
    const ratios: Ratio[] = [];
    for (const measure of MEASUREMENTS)
      ratios.push(...(await inFolder((folder) => measure(context, folder))));
    return ratios;
  },
};

async function inFolder<T>(work: (folder: string) => Promise<T> | T): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'coppice-bench-templates-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
