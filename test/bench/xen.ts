import { join } from 'node:path';
import { nothingMeasured, updateMean } from '../../src/domain/timing/means.ts';
import { type CreationTime, predictDeployment } from '../../src/domain/timing/prediction.ts';
import type { ApplianceStatus } from '../../src/host/protocol.ts';
import { buildGuestImage } from '../e2e/guest-vm.ts';
import { retriesIn } from '../scenarios/retries.ts';
import { repository } from '../xen/image.ts';
import {
  type BenchContext,
  type Benchmark,
  interleave,
  type Ratio,
  summarise,
  type Work,
} from './harness.ts';
import { createBare, removeBare } from './xen/bare.ts';
import { secondsUntilDomains, timeUntilDomain, type XenHost } from './xen/host.ts';
import { XenWorld } from './xen/world.ts';

const CREATIONS = 7;
/** A deployment of several takes minutes on a busy machine. */
const DEPLOYMENTS = 3;
const ON_ONE_HOST = 5;
const ON_EACH_OF_TWO = 3;

/** One VM by the operator and the daemon against the same by hand, and several against what Equation 1 says of them. */
export const xen: Benchmark = {
  name: 'xen',
  description:
    'creation of a VM on Xen against a bare xl create, and five on one host, three on each of two, against Equation 1',
  run: async (context) => {
    const image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    const world = await XenWorld.start(image);
    try {
      const first = await startHost(context, world, 'bench-a');
      const { ratio, alone } = await compareOne(context, world, first);
      const one = { name: 'five-on-one-host', hosts: [first], count: ON_ONE_HOST };
      const five = await compareMany(context, world, one, alone);
      const both = [first, await startHost(context, world, 'bench-b')];
      const two = { name: 'three-on-each-of-two', hosts: both, count: ON_EACH_OF_TWO };
      return [ratio, ...five, ...(await compareMany(context, world, two, alone))];
    } finally {
      await world.stop();
    }
  },
};

/** A host that has made a VM already: what is fetched and read for the first time is not what is measured. */
async function startHost(context: BenchContext, world: XenWorld, name: string): Promise<XenHost> {
  context.log(`starting ${name}`);
  const host = await world.addHost(name);
  const task = `first-${name}`;
  await world.apply(task, [host], 1);
  await world.until(task, [host], 1, 'Service');
  await world.remove(task);
  return host;
}

/**
 * From an appliance's first step to its domain, against overlay and `xl create` by hand, both by the clock of their host; and the
 * times of such an appliance that Equation 1 uses.
 */
async function compareOne(
  context: BenchContext,
  world: XenWorld,
  host: XenHost,
): Promise<{ readonly ratio: Ratio; readonly alone: CreationTime }> {
  const borne = await retriesOf([host]);
  const made: ApplianceStatus[] = [];
  const bareTimeouts: number[] = [];
  // One that is there for the whole time: by its folder the bare side knows what to make.
  await world.apply('model', [host], 1);
  const model = oneOf(await world.until('model', [host], 1, 'Service'));
  const seconds = await interleave(context, CREATIONS, {
    coppice: (repetition) => createByCoppice(world, host, `one-${repetition}`, made),
    bare: async () => {
      const { seconds, timeouts } = await createBare(host, model.uuid);
      bareTimeouts.push(timeouts);
      return { seconds, clearUp: () => removeBare(host) };
    },
  });
  await world.remove('model');
  const [coppiceSeconds, bareSeconds] = [summarise(seconds.coppice), summarise(seconds.bare)];
  const stepSeconds = made.map(({ steps }) =>
    Object.fromEntries(steps.map((step) => [step.name, step.seconds])),
  );
  const retries = await retriesSince([host], borne);
  const raw = { coppiceSeconds, bareSeconds, stepSeconds, retries, bareTimeouts };
  const value = coppiceSeconds.median / bareSeconds.median;
  const { time } = made.map(timeUntilDomain).reduce(updateMean, nothingMeasured);
  return { ratio: { name: 'xen/creation', value, aim: 1.05, better: 'less', raw }, alone: time };
}

/** Waits for the service too, so that there is a time of every step, and the guest is at rest when the next one is made. */
async function createByCoppice(
  world: XenWorld,
  host: XenHost,
  task: string,
  made: ApplianceStatus[],
): Promise<Work> {
  await world.apply(task, [host], 1);
  const appliance = oneOf(await world.until(task, [host], 1, 'Service'));
  made.push(appliance);
  const seconds = Math.max(...secondsUntilDomains([appliance]));
  return { seconds, clearUp: () => world.remove(task) };
}

/** So many VMs on each of these hosts. */
interface Deployment {
  readonly name: string;
  readonly hosts: readonly XenHost[];
  readonly count: number;
}

/**
 * From the apply of a task to the last domain's creation, by the clock of this machine, against what Equation 1 makes of each
 * VM's own times; and against what it foretells from the times of a VM that is made while no other boots.
 */
async function compareMany(
  context: BenchContext,
  world: XenWorld,
  deployment: Deployment,
  alone: CreationTime,
): Promise<readonly Ratio[]> {
  const { name, hosts, count } = deployment;
  const borne = await retriesOf(hosts);
  const runs: Run[] = [];
  for (let repetition = 0; repetition < DEPLOYMENTS; repetition += 1) {
    const run = await deploy(context, world, deployment, `${name}-${repetition}`);
    runs.push(run);
    context.log(`${name}, ${repetition + 1} of ${DEPLOYMENTS}: ${run.seconds.toFixed(1)} s`);
  }
  const placement = summarise(runs.map(({ placementSeconds }) => placementSeconds));
  const equation = runs.map((run) => equationOne(run.placementSeconds, hosts, run.creations));
  const eachAlone = hosts.map(() => Array.from({ length: count }, () => alone));
  const foretold = equationOne(placement.median, hosts, eachAlone);
  const raw = {
    tcAndTsSeconds: placement,
    measuredSeconds: summarise(runs.map(({ seconds }) => seconds)),
    creations: runs.map(({ creations }) => creations),
    domainsAfterSeconds: runs.map(({ domainsAfterSeconds }) => domainsAfterSeconds),
    equationSeconds: equation,
    foretoldFromOneAloneSeconds: foretold,
    retries: await retriesSince(hosts, borne),
  };
  const ratio = (suffix: string, predicted: readonly number[]): Ratio => {
    const off = runs.map(({ seconds }, index) => percentOff(seconds, predicted[index] ?? Number.NaN));
    return { name: `xen/${name}-${suffix}`, value: summarise(off).median, aim: 10, better: 'less', raw };
  };
  return [
    ratio('percent-off', equation),
    ratio(
      'percent-off-one-alone',
      runs.map(() => foretold),
    ),
  ];
}

/** T of Equation 1, from Tc + Ts, of which the operator tells the sum, and each VM's times, host by host. */
function equationOne(
  placementSeconds: number,
  hosts: readonly XenHost[],
  creations: readonly (readonly CreationTime[])[],
): number {
  const perHost = new Map(hosts.map(({ name }, index) => [name, creations[index] ?? []]));
  return predictDeployment({ tcSeconds: placementSeconds, tsSeconds: 0, perHost }).totalSeconds;
}

function percentOff(measured: number, predicted: number): number {
  return (Math.abs(measured - predicted) / predicted) * 100;
}

interface Run {
  /** From the apply until the last domain was there. */
  readonly seconds: number;
  /** Tc + Ts. */
  readonly placementSeconds: number;
  /** Host by host and by its own clock: what each VM took itself, without its waits for the others. */
  readonly creations: readonly (readonly CreationTime[])[];
  /** Host by host and by its own clock, from its first step: the rest of `seconds` is the operator's, and the ways between. */
  readonly domainsAfterSeconds: readonly (readonly number[])[];
}

async function deploy(
  context: BenchContext,
  world: XenWorld,
  { hosts, count }: Deployment,
  task: string,
): Promise<Run> {
  const begin = context.now();
  await world.apply(task, hosts, count);
  const made = await world.until(task, hosts, count, 'Start');
  const seconds = context.now() - begin;
  const domainsAfterSeconds = made.map(secondsUntilDomains);
  const creations = made.map((appliances) => appliances.map(timeUntilDomain));
  const placementSeconds = await world.placementSeconds(task);
  await world.remove(task);
  return { seconds, placementSeconds, creations, domainsAfterSeconds };
}

function oneOf(appliances: readonly (readonly ApplianceStatus[])[]): ApplianceStatus {
  const [appliance] = appliances.flat();
  if (appliance === undefined) throw new Error('the appliance is gone');
  return appliance;
}

type Retries = ReadonlyMap<string, number>;

/** What the daemons tried again so far, libxl's time-outs among it: it is in the times. */
async function retriesOf(hosts: readonly XenHost[]): Promise<Retries> {
  const logs = await Promise.all(hosts.map(({ bed }) => bed.daemonLog()));
  return retriesIn(logs.join('\n'));
}

async function retriesSince(hosts: readonly XenHost[], before: Retries): Promise<Record<string, number>> {
  const now = [...(await retriesOf(hosts))].map(
    ([what, count]) => [what, count - (before.get(what) ?? 0)] as const,
  );
  return { 'libxl time-out': 0, ...Object.fromEntries(now) };
}
