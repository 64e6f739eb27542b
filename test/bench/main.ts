/**
 * `npm run bench [-- NAME…]`: runs the named benchmarks, all without a name; `-- --list` names them. Prints
 * one line per ratio and writes `results/NAME.json`. A ratio that falls short is a finding, not a failure:
 * only a benchmark that cannot run is one.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { BENCHMARKS } from './benchmarks.ts';
import { type BenchContext, type Benchmark, type Ratio, reachesAim } from './harness.ts';

const RESULTS = new URL('results/', import.meta.url);

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { list: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  if (values.list) return list();
  for (const benchmark of choose(positionals)) await runOne(benchmark);
}

function list(): void {
  const width = Math.max(...BENCHMARKS.map(({ name }) => name.length));
  for (const { name, description } of BENCHMARKS) console.log(`${name.padEnd(width)}  ${description}`);
}

function choose(names: readonly string[]): readonly Benchmark[] {
  const unknown = names.filter((wanted) => !BENCHMARKS.some(({ name }) => name === wanted));
  if (unknown.length > 0) {
    const known = BENCHMARKS.map(({ name }) => name).join(', ');
    throw new Error(`no benchmark is called ${unknown.join(', ')}: there is ${known}`);
  }
  return names.length === 0 ? BENCHMARKS : BENCHMARKS.filter(({ name }) => names.includes(name));
}

/** A benchmark that fails does not keep the others from running. */
async function runOne(benchmark: Benchmark): Promise<void> {
  const context: BenchContext = {
    log: (line) => console.error(`${benchmark.name}: ${line}`),
    now: () => performance.now() / 1000,
  };
  try {
    const ratios = await benchmark.run(context);
    for (const ratio of ratios) console.log(describe(ratio));
    await save(benchmark.name, ratios);
  } catch (error) {
    console.error(`${benchmark.name} could not run:`, error);
    process.exitCode = 1;
  }
}

function describe(ratio: Ratio): string {
  const verdict = reachesAim(ratio) ? 'ok' : 'short';
  return [ratio.name, Number(ratio.value.toPrecision(4)), ratio.aim, verdict].join('  ');
}

async function save(name: string, ratios: readonly Ratio[]): Promise<void> {
  await mkdir(RESULTS, { recursive: true });
  const unfinished = new URL(`${name}.json.tmp`, RESULTS);
  await writeFile(unfinished, `${JSON.stringify(ratios, null, 2)}\n`);
  await rename(unfinished, new URL(`${name}.json`, RESULTS));
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
