/**
 * `npm run faults [-- --seeds N] [--at-once N] [--first N]`: builds, saves and recalls under SIGKILL of operator and daemons, for so many
 * seeds; needs QEMU. Prints a line a seed and writes `results/templates.json`. Ends with 1 when anything was lost.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { Coppice } from '../e2e/coppice.ts';
import { type Report, runWithKills } from './templates.ts';

const RESULTS = new URL('results/', import.meta.url);

/** Of all batches. */
function inAll(all: readonly Report[]): Report {
  const kills: Record<string, number> = {};
  for (const report of all)
    for (const [part, times] of Object.entries(report.kills)) kills[part] = (kills[part] ?? 0) + times;
  return { kills, outcomes: all.flatMap(({ outcomes }) => outcomes) };
}

async function save(report: Report): Promise<void> {
  await mkdir(RESULTS, { recursive: true });
  await writeFile(new URL('templates.json', RESULTS), `${JSON.stringify(report, null, 2)}\n`);
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    first: { type: 'string', default: '1' },
    'at-once': { type: 'string', default: '5' },
  },
});
const [count, first, atOnce] = [values.seeds, values.first, values['at-once']].map(Number);
if (!count || !first || !atOnce) throw new Error('--seeds, --first and --at-once are numbers from 1 on');

const seeds = Array.from({ length: count }, (_, index) => first + index);
const reports: Report[] = [];
const coppice = await Coppice.up('--hosts', '2');
try {
  for (let at = 0; at < seeds.length; at += atOnce) {
    const report = await runWithKills(coppice, seeds.slice(at, at + atOnce));
    for (const { seed, seconds, failure } of report.outcomes)
      console.log(`seed ${seed}  ${seconds} s  ${failure ?? 'nothing lost'}`);
    reports.push(report);
    await save(inAll(reports));
  }
} finally {
  await coppice.close();
}
const { outcomes, kills } = inAll(reports);
const lost = outcomes.filter(({ failure }) => failure !== undefined).length;
console.log(
  `${outcomes.length - lost} of ${outcomes.length} seeds lost nothing; kills: ${JSON.stringify(kills)}`,
);
if (lost > 0) process.exitCode = 1;
