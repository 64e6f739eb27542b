import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { linkNode, makeRelease, PROGRAM } from '../../scripts/build/release.ts';
import { Parts } from '../integration/release/parts.ts';
import { findKubectl } from '../kubectl.ts';
import {
  type BenchContext,
  type Benchmark,
  interleave,
  type Ratio,
  type Side,
  summarise,
  warmUp,
} from './harness.ts';
import { residentMiB } from './processes.ts';

const run = promisify(execFile);
const repository = resolve(import.meta.dirname, '../..');
const STARTS = 21;
const MEMORY_REPETITIONS = 3;
/** By then all informers have listed, and V8 has collected what only the start needed. */
const SETTLE_MS = 12_000;
/** Part → the most that it should have in memory while it has nothing to do. */
const MOST_MIB = { operator: 100, 'host-a': 90, api: 100 } as const;

type Part = keyof typeof MOST_MIB;
const PARTS = Object.keys(MOST_MIB) as Part[];

/** How quickly the command line starts, and what its programs keep in memory: a release and the sources. */
export const start: Benchmark = {
  name: 'start',
  description: "start of the command line against kubectl's; memory of idle operator, daemon and API server",
  run: async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'coppice-start-'));
    try {
      const release = join(folder, 'release');
      await makeRelease(repository, release);
      await linkNode(repository, release);
      return [...(await measureStarts(context, release, folder)), ...(await measureMemory(context, release))];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function measureStarts(context: BenchContext, release: string, folder: string): Promise<Ratio[]> {
  const kubectlProgram = await findKubectl();
  if (kubectlProgram === undefined) throw new Error('there is no kubectl to compare with');
  const env = { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') };
  const command = (program: string, ...args: string[]): Side => {
    return async () => {
      await run(program, args, { env });
      return undefined;
    };
  };
  const sides = {
    kubectl: command(kubectlProgram, 'version', '--client'),
    node: command(process.execPath, '--eval', '0'),
    sources: command(join(repository, 'bin/coppice'), '--version'),
    release: command(join(release, 'bin/coppice'), '--version'),
    releaseHelp: command(join(release, 'bin/coppice'), '--help'),
  };
  // The first start of each fills the caches: of Node for what it compiled, of the kernel for files.
  await warmUp(sides);
  const seconds = await interleave(context, STARTS, sides);
  const kubectl = summarise(seconds.kubectl);
  const summaries = Object.fromEntries(
    Object.entries(seconds).map(([name, samples]) => [name, summarise(samples)]),
  );
  const ratio = (name: string, samples: readonly number[]): Ratio => ({
    name: `start/${name}-against-kubectl`,
    value: summarise(samples).median / kubectl.median,
    aim: 2,
    better: 'less',
    raw: { counted: 'median seconds of a start against that of `kubectl version --client`', ...summaries },
  });
  return [
    ratio('version', seconds.release),
    ratio('help', seconds.releaseHelp),
    ratio('version-from-sources', seconds.sources),
  ];
}

async function measureMemory(context: BenchContext, release: string): Promise<Ratio[]> {
  const programs = { release: join(release, PROGRAM), sources: join(repository, 'src/cli/main.ts') };
  const samples = { release: [] as Sample[], sources: [] as Sample[] };
  for (let repetition = 0; repetition < MEMORY_REPETITIONS; repetition++) {
    for (const side of ['release', 'sources'] as const) {
      samples[side].push(await idleMiB(programs[side]));
      context.log(
        `${side}: ${PARTS.map((part) => `${part} ${samples[side].at(-1)?.[part].toFixed(0)} MiB`)}`,
      );
    }
  }
  const of = (side: Sample[], part: Part) => summarise(side.map((sample) => sample[part]));
  return PARTS.map((part) => ({
    name: `start/${part}-idle-MiB`,
    value: of(samples.release, part).median,
    aim: MOST_MIB[part],
    better: 'less',
    raw: {
      counted: 'resident memory of a release',
      release: of(samples.release, part),
      sources: of(samples.sources, part),
    },
  }));
}

type Sample = Readonly<Record<Part, number>>;

async function idleMiB(program: string): Promise<Sample> {
  const parts = await Parts.start(program, 'qemu');
  try {
    await delay(SETTLE_MS);
    const sizes = await Promise.all(
      PARTS.map(async (part) => [part, await residentMiB(await parts.pid(part))]),
    );
    return Object.fromEntries(sizes) as Sample;
  } finally {
    await parts.close();
  }
}
