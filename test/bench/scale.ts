import { setTimeout as delay } from 'node:timers/promises';
import type { BenchContext, Benchmark, Ratio } from './harness.ts';
import { type Cost, costOf, quantile, round, sum } from './scale/measure.ts';
import { ScaleWorld, type Server, writesIn } from './scale/world.ts';

/** The paper's fleet: 100 hosts of 10 appliances, each created in 2.5 s, one at a time on a host (Equation 1). */
const PAPER = { hosts: 100, appliances: 1000, startMs: 2500 };
/** Sizes of the fleet between which the cost of one more appliance is measured; `warmUp` appliances come and go before. */
const GROWTH = { hosts: 1000, startMs: 100, warmUp: 500, sizes: [10, 100, 1000, 2000, 4000, 10_000] };
/** Fewer appliances than these cost too little CPU beside a thousand hosts' own to be distinguished from it. */
const EARLY = 1000;
/** On a machine that is busy or small, fewer do: the sizes beyond are left out. */
const LIMIT = Number(process.env.COPPICE_BENCH_APPLIANCES ?? Number.POSITIVE_INFINITY);
/** A task of the growth; a user's usual one. */
const TASK = 10;
/** So many tasks are applied before the ones before them answer. */
const TASKS_AT_ONCE = 20;
const QUIET_MS = 3000;
const IDLE_MS = 10_000;
const LAG = 'coppice_operator_queue_seconds';

/** What stands between a manifest and a thousand VMs, with simulated hosts and everything else real. */
export const scale: Benchmark = {
  name: 'scale',
  description: `${PAPER.appliances} appliances on ${PAPER.hosts} simulated hosts against Equation 1, the cost of one more up to ${GROWTH.sizes.at(-1)}, a restart of all daemons`,
  run: async (context) => [
    ...(await paper(context, 'embedded')),
    ...(await paper(context, 'kube-apiserver')),
    ...(await growth(context)),
  ],
};

/** One task of all appliances, from its apply to the last answer; then all daemons are restarted at once. */
async function paper(context: BenchContext, server: Server): Promise<Ratio[]> {
  const { hosts, appliances, startMs } = PAPER;
  const bound = (startMs / 1000) * Math.ceil(appliances / hosts);
  context.log(`${server}: ${hosts} hosts`);
  const world = await ScaleWorld.start(server, hosts, startMs);
  try {
    await world.untilQuiet(QUIET_MS);
    const before = await world.metrics();
    const cost = await costOf(world, async () => {
      await world.apply(appliances);
      await world.untilAvailable(appliances);
    });
    context.log(`${server}: ${appliances} appliances after ${cost.seconds} s, ${JSON.stringify(cost.cpu)}`);
    await world.untilQuiet(QUIET_MS);
    const after = await world.metrics();
    const writes = (writesIn(after).total - writesIn(before).total) / appliances;
    const lag = quantile(after, before, LAG, 'phase="waiting"', 0.99);
    const ratio = ratios(`scale/${server}`);
    return [
      ratio('seconds-over-equation-1', cost.seconds / bound, 1.1, { ...cost, bound, ...floor(cost) }),
      ratio('api-writes-per-appliance', writes, 6, { by: writesIn(after).by, appliances }),
      ratio('lag-p99-seconds', lag, 1, { histogram: LAG, phase: 'waiting' }),
      ...(await storm(context, world, server)),
    ];
  } finally {
    await world.stop();
  }
}

/** The time that the machine needed for the work of all parts at least, had it had nothing else to do. */
function floor({ cpu, cores }: Cost): Readonly<Record<string, number>> {
  return { leastSecondsOfThisMachine: round(sum(Object.values(cpu)) / cores) };
}

async function storm(context: BenchContext, world: ScaleWorld, server: Server): Promise<Ratio[]> {
  const [boots, requests] = [await world.fleet.call('boots'), await world.fleet.call('requests')];
  const names = uidsOf(await world.appliances());
  const writes = writesIn(await world.metrics()).total;
  const cost = await costOf(world, async () => {
    await world.fleet.call('restart');
    await world.untilSteady(PAPER.hosts, PAPER.appliances);
    await world.untilQuiet(QUIET_MS);
  });
  const bootsNow = await world.fleet.call('boots');
  const requestsNow = await world.fleet.call('requests');
  const again = Object.keys(bootsNow).filter((uuid) => boots[uuid] !== bootsNow[uuid]).length;
  const lost = Object.keys(boots).filter((uuid) => bootsNow[uuid] === undefined).length;
  const changed = [...uidsOf(await world.appliances())].filter((uid) => !names.has(uid)).length;
  const toDaemons = Object.fromEntries(
    Object.entries(requestsNow).map(([request, count]) => [request, count - (requests[request] ?? 0)]),
  );
  const toApi = writesIn(await world.metrics()).total - writes;
  const total = sum(Object.values(toDaemons)) + toApi;
  context.log(`${server}: all daemons restarted, ${JSON.stringify(toDaemons)}, ${toApi} writes to the API`);
  const ratio = ratios(`scale/${server}/storm`);
  const raw = { toDaemons, toApi, ...cost };
  return [
    ratio('created-twice-or-lost', again + lost + changed, 0, { again, lost, changed, ...raw }),
    ratio('requests-per-appliance', total / PAPER.appliances, 2, raw),
  ];
}

function uidsOf(objects: readonly { readonly metadata: { readonly uid?: string } }[]): Set<string> {
  return new Set(objects.flatMap(({ metadata }) => metadata.uid ?? []));
}

/** Tasks of ten, one after the other, until the fleet is large; what one more appliance costs at each size. */
async function growth(context: BenchContext): Promise<Ratio[]> {
  const { hosts, startMs, warmUp } = GROWTH;
  const sizes = GROWTH.sizes.filter((size) => size <= LIMIT);
  context.log(`growth: ${hosts} hosts`);
  const world = await ScaleWorld.start('embedded', hosts, startMs);
  try {
    const points: Point[] = [];
    await world.apply(warmUp);
    await world.untilAvailable(warmUp);
    await world.removeAll();
    for (const [index, size] of sizes.entries()) {
      points.push(await measureGrowth(world, sizes[index - 1] ?? 0, size));
      context.log(`growth: ${JSON.stringify(points.at(-1))}`);
    }
    const [first, last] = [points.find(({ appliances }) => appliances >= EARLY), points.at(-1)];
    if (first === undefined || last === undefined || first === last) {
      throw new Error(`growth needs more than ${EARLY} appliances: raise COPPICE_BENCH_APPLIANCES`);
    }
    const more = last.appliances - first.appliances;
    const memory = (last.usedBytes - first.usedBytes) / 1024 / more;
    const ratio = ratios('scale/growth');
    const byCpu = last.controlMillisPerAppliance / first.controlMillisPerAppliance;
    return [
      ratio('cost-of-one-more-late-over-early', byCpu, 1.1, { points, hosts }),
      ratio('operator-KiB-per-appliance', memory, 20, { points, hosts }),
    ];
  } finally {
    await world.stop();
  }
}

/** What one more appliance costs, in a fleet of this size. CPU is that of operator and API server, less what idling takes. */
interface Point {
  readonly appliances: number;
  readonly controlMillisPerAppliance: number;
  readonly operatorMillisPerAppliance: number;
  readonly idleCpu: number;
  readonly writesPerAppliance: number;
  readonly lagP99Seconds: number;
  /** Of the operator, after a collection of garbage. */
  readonly usedBytes: number;
  readonly residentBytes: number;
  readonly cost: Cost;
}

async function measureGrowth(world: ScaleWorld, from: number, to: number): Promise<Point> {
  await world.untilQuiet(QUIET_MS);
  const idle = await costOf(world, () => delay(IDLE_MS));
  const before = await world.metrics();
  const cost = await costOf(world, async () => {
    await grow(world, from, to);
    await world.untilQuiet(QUIET_MS);
  });
  const after = await world.metrics();
  const memory = await world.operator.call('memory');
  const perAppliance = (parts: readonly string[]) => {
    const used = (one: Cost) => sum(parts.map((part) => one.cpu[part] ?? 0));
    return round((1000 * (used(cost) - (used(idle) / idle.seconds) * cost.seconds)) / (to - from));
  };
  return {
    appliances: to,
    controlMillisPerAppliance: perAppliance(['operator', 'api']),
    operatorMillisPerAppliance: perAppliance(['operator']),
    idleCpu: round(((idle.cpu.operator ?? 0) + (idle.cpu.api ?? 0)) / idle.seconds),
    writesPerAppliance: (writesIn(after).total - writesIn(before).total) / (to - from),
    lagP99Seconds: quantile(after, before, LAG, 'phase="waiting"', 0.99),
    ...memory,
    cost,
  };
}

async function grow(world: ScaleWorld, from: number, to: number): Promise<void> {
  for (let size = from; size < to; size += TASK) {
    await world.apply(TASK);
    await world.untilAvailable(size - TASKS_AT_ONCE * TASK);
  }
  await world.untilAvailable(to);
}

function ratios(prefix: string) {
  return (name: string, value: number, aim: number, raw: Ratio['raw']): Ratio => ({
    name: `${prefix}/${name}`,
    value,
    aim,
    better: 'less',
    raw,
  });
}
