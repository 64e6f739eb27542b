import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findCondition } from '../../src/api/conditions.ts';
import { SERVICE_DEPLOYMENTS, TEMPLATES, type Template } from '../../src/api/kinds.ts';
import type { Coppice } from '../e2e/coppice.ts';
import { appliancesOf, apply, aTask, fetchText, manifest, removeTasks, urlOf } from '../e2e/tasks.ts';

/** Who is killed: never the API server, which is a cluster's. */
const PARTS = ['operator', 'host-a', 'host-b'] as const;
const NAMESPACE = 'default';
/** With so many guests at once, on emulated processors, while parts die. */
const PATIENCE_MS = 1_800_000;

/** What came of one seed. */
export interface Outcome {
  readonly seed: number;
  readonly seconds: number;
  /** Why it failed; undefined when nothing was lost. */
  readonly failure?: string;
}

/** What came of all, and how often who was killed meanwhile. */
export interface Report {
  readonly outcomes: readonly Outcome[];
  readonly kills: Readonly<Record<string, number>>;
}

/**
 * Builds, copies, deploys, saves, recalls and redeploys for each seed, all at once, while operator and daemons are killed again and
 * again at moments that follow from the seeds; then looks whether anything was lost, or left over.
 * @param coppice with two hosts
 */
export async function runWithKills(coppice: Coppice, seeds: readonly number[]): Promise<Report> {
  const over = new AbortController();
  const killing = killAgainAndAgain(coppice, seeds, over.signal);
  const outcomes = await Promise.all(seeds.map((seed) => outcomeOf(coppice, seed)));
  over.abort();
  const kills = await killing;
  await clearUp(coppice, seeds);
  return { outcomes, kills };
}

async function outcomeOf(coppice: Coppice, seed: number): Promise<Outcome> {
  const begun = performance.now();
  const seconds = () => Math.round((performance.now() - begun) / 1000);
  try {
    await story(coppice, seed);
    return { seed, seconds: seconds() };
  } catch (error) {
    return { seed, seconds: seconds(), failure: error instanceof Error ? error.message : String(error) };
  }
}

async function story(coppice: Coppice, seed: number): Promise<void> {
  const [task, built, saved] = [taskOf(seed), `${taskOf(seed)}-built`, `${taskOf(seed)}-saved`];
  const text = `seed ${seed}\n`;
  const parent = await minimal(coppice);
  const build = { steps: [{ run: `echo seed ${seed} >/srv/www/built.txt` }] };
  const distribution = { minCopies: 2 };
  await apply(coppice, manifest('Template', built, { source: { parent, build }, distribution }));
  await untilReady(coppice, built, 2);

  const declared = aTask(task, { template: { name: built } });
  const declare = (state: 'Deployed' | 'Recalled') =>
    apply(coppice, { ...declared, spec: { ...declared.spec, state, recall: { save: true } } });
  await declare('Deployed');
  await untilServes(coppice, task, { 'built.txt': text });
  await retried(coppice, `${task} writes`, () =>
    coppice.run('exec', `${task}-web-0`, '--', 'sh', '-c', `echo seed ${seed} >/srv/www/kept.txt`),
  );
  await retried(coppice, `${task} is saved`, () =>
    coppice.run('template', 'save', `${task}-web-0`, saved, '--no-wait'),
  );
  await untilReady(coppice, saved, 1);

  await declare('Recalled');
  await coppice.eventually(
    `${task} is recalled`,
    async () => {
      const { metadata, status } = await coppice.client.get(SERVICE_DEPLOYMENTS, named(task));
      const recalled = findCondition(status?.conditions, 'Recalled');
      require(recalled?.reason === 'Recalled' &&
        recalled.observedGeneration === metadata.generation, recalled);
      require((await appliancesOf(coppice, task)).length === 0, 'appliances are left');
    },
    PATIENCE_MS,
  );
  await declare('Deployed');
  await untilServes(coppice, task, { 'built.txt': text, 'kept.txt': text });
}

function taskOf(seed: number): string {
  return `fault-${seed}`;
}

function named(name: string) {
  return { name, namespace: NAMESPACE };
}

function require(holds: boolean, what: unknown): void {
  if (!holds) throw new Error(typeof what === 'string' ? what : JSON.stringify(what));
}

async function minimal({ client }: Coppice) {
  const { items } = await client.list(TEMPLATES, { namespace: 'coppice-system' });
  const found = items.find(({ spec }) => spec.series === 'minimal');
  if (found === undefined) throw new Error('coppice up declares a template of the series minimal');
  return { name: found.metadata.name, namespace: 'coppice-system' };
}

/** Until the template is Ready and that many hosts have it. */
async function untilReady(coppice: Coppice, name: string, hosts: number): Promise<void> {
  await coppice.eventually(
    `template ${name} is Ready on ${hosts} hosts`,
    async () => {
      const { status } = await coppice.client.get(TEMPLATES, named(name));
      const ready = findCondition(status?.conditions, 'Ready');
      require(ready?.status === 'True' && (status?.hostsReady ?? 0) >= hosts, ready);
    },
    PATIENCE_MS,
  );
}

/** Until the first appliance serves these texts, by file. */
async function untilServes(
  coppice: Coppice,
  task: string,
  texts: Readonly<Record<string, string>>,
): Promise<void> {
  await coppice.eventually(
    `${task} serves ${Object.keys(texts).join(' and ')}`,
    async () => {
      const [appliance] = await appliancesOf(coppice, task);
      if (appliance === undefined) throw new Error(`${task} has no appliance`);
      const url = urlOf(appliance);
      for (const [file, text] of Object.entries(texts)) {
        const served = await fetchText(new URL(file, url).href);
        require(served === text, `${file} is ${JSON.stringify(served)}`);
      }
    },
    PATIENCE_MS,
  );
}

/** A command ends when the part is killed that serves it. */
async function retried(coppice: Coppice, what: string, work: () => Promise<unknown>): Promise<void> {
  await coppice.eventually(what, work, PATIENCE_MS);
}

/** Kills some part every few seconds, until `over`; resolves with how often whom. */
async function killAgainAndAgain(
  coppice: Coppice,
  seeds: readonly number[],
  over: AbortSignal,
): Promise<Readonly<Record<string, number>>> {
  const random = generator(seeds.reduce((sum, seed) => (Math.imul(sum, 31) + seed) >>> 0, 7));
  const kills: Record<string, number> = {};
  while (!over.aborted) {
    await delay(2_000 + random() * 8_000, undefined, { signal: over }).catch(() => undefined);
    if (over.aborted) break;
    const part = PARTS[Math.floor(random() * PARTS.length)] ?? 'operator';
    await coppice.kill(part);
    kills[part] = (kills[part] ?? 0) + 1;
    // The supervisor waits longer and longer with what ends again and again.
    await coppice.run('up');
  }
  return kills;
}

/** Mulberry32: numbers from 0 to 1 that follow from the seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Removes what the stories made, and rejects when anything is left on a host. */
async function clearUp(coppice: Coppice, seeds: readonly number[]): Promise<void> {
  const tasks = await Promise.all(
    seeds.map((seed) => coppice.client.find(SERVICE_DEPLOYMENTS, named(taskOf(seed)))),
  );
  await removeTasks(coppice, ...tasks.flatMap((task) => task?.metadata.name ?? []));
  await coppice.eventually(
    'the templates are gone',
    async () => {
      const { items } = await coppice.client.list(TEMPLATES, { namespace: NAMESPACE });
      const staying = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
      for (const { metadata } of staying) await coppice.client.delete(TEMPLATES, named(metadata.name));
      require(items.length === 0, items.map(nameAndReason).join('; '));
    },
    PATIENCE_MS,
  );
  await coppice.eventually('nothing of them is left', async () => {
    const left = (await Promise.all(['host-a', 'host-b'].map((host) => leftOn(coppice, host)))).flat();
    require(left.length === 0, left.join(', '));
  });
}

function nameAndReason({ metadata, status }: Template): string {
  return `${metadata.name}: ${findCondition(status?.conditions, 'Ready')?.message}`;
}

/** Seals, appliances, unfinished files, and layers that no template has. */
async function leftOn(coppice: Coppice, host: string): Promise<readonly string[]> {
  const state = coppice.layout.hostState(host);
  const { items } = await coppice.client.list(TEMPLATES);
  const known = items.flatMap(({ status }) => Object.values(status?.layers ?? {}));
  const namesIn = (folder: string) => readdir(join(state, folder)).catch(() => []);
  const layers = (await namesIn('layers')).filter((name) => !known.includes(name));
  const others = [
    ...(await namesIn('seals')),
    ...(await namesIn('appliances')),
    ...(await namesIn('receiving')),
  ];
  return [...layers, ...others].map((name) => `${host}: ${name}`);
}
