import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { predictDeployment } from '../../src/domain/timing/prediction.ts';
import type { ApplianceStatus } from '../../src/host/protocol.ts';
import { buildGuestImage } from '../e2e/guest-vm.ts';
import { repository } from '../xen/image.ts';
import {
  type BenchContext,
  type Benchmark,
  interleave,
  type Ratio,
  summarise,
  type Work,
} from './harness.ts';
import { stepOf, XenHost } from './xen-host.ts';

const REPETITIONS = 5;
const ON_ONE_HOST = 5;
const ON_EACH_OF_TWO = 3;

/** The same overlay and the same configuration, with a name and a uuid of their own: `$1` the folder, `$2` a uuid. */
const BARE = `set -e
cd "$1"
backing=$(qemu-img info -U --output=json disk.qcow2 | sed -n 's/.*"full-backing-filename": "\\(.*\\)".*/\\1/p')
mkdir -p /tmp/bare
sed -e "s,$1/disk,/tmp/bare/disk," -e "s/^uuid = .*/uuid = \\"$2\\"/" -e 's/^name = .*/name = "bare"/' \\
  -e "s/[0-9a-f-]*\\.agent/bare.agent/; s/[0-9a-f-]*\\.none/bare.none/; s/mac=.*,bridge/mac=00:16:3e:ff:ff:01,bridge/" domain.cfg > /tmp/bare/domain.cfg
begin=$(date +%s.%N)
qemu-img create -q -f qcow2 -F qcow2 -b "$backing" /tmp/bare/disk.qcow2
xl create -q -e /tmp/bare/domain.cfg
echo "$begin $(date +%s.%N)"`;

/** One VM by the daemon against the same by hand, and several against what Equation 1 says of them. */
export const xen: Benchmark = {
  name: 'xen',
  description:
    'creation of a VM on Xen against a bare xl create, and five on one host, three on each of two, against Equation 1',
  run: async (context) => {
    const image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    context.log('starting a host');
    const hosts = [await XenHost.start('bench-a', image)];
    try {
      const [first] = hosts;
      if (first === undefined) return [];
      const { ratio, seconds } = await compareOne(context, first);
      const five = await compareMany(context, 'five-on-one-host', hosts, ON_ONE_HOST, seconds);
      context.log('starting a second host');
      hosts.push(await XenHost.start('bench-b', image));
      return [
        ratio,
        five,
        await compareMany(context, 'three-on-each-of-two', hosts, ON_EACH_OF_TWO, seconds),
      ];
    } finally {
      await Promise.all(hosts.map((host) => host.close()));
    }
  },
};

/** Disk and domain, by the daemon's own record and by hand; the rest of an appliance's steps is told beside it. */
async function compareOne(
  context: BenchContext,
  host: XenHost,
): Promise<{ readonly ratio: Ratio; readonly seconds: number }> {
  // One that is there for the whole time: by its folder the bare side knows what to make.
  const [model = ''] = await host.ask(1);
  const steps: Record<string, number>[] = [];
  await host.until([model], 'Agent');
  const seconds = await interleave(context, REPETITIONS, {
    coppice: () => createByCoppice(host, steps),
    bare: () => createBare(host, model),
  });
  await host.remove([model]);
  const raw = {
    coppiceSeconds: summarise(seconds.coppice),
    bareSeconds: summarise(seconds.bare),
    stepSeconds: steps,
    retries: retriesOf(await host.bed.daemonLog()),
  };
  const value = raw.coppiceSeconds.median / raw.bareSeconds.median;
  return {
    ratio: { name: 'xen/creation', value, aim: 1.05, better: 'less', raw },
    seconds: raw.coppiceSeconds.median,
  };
}

async function createByCoppice(host: XenHost, steps: Record<string, number>[]): Promise<Work> {
  const uuids = await host.ask(1);
  const [appliance] = await host.until(uuids, 'Agent');
  if (appliance === undefined) throw new Error('the appliance is gone');
  steps.push(Object.fromEntries(appliance.steps.map(({ name, seconds }) => [name, seconds])));
  return { seconds: creationSeconds(appliance), clearUp: () => host.remove(uuids) };
}

async function createBare(host: XenHost, model: string): Promise<Work> {
  const { bed } = host;
  const folder = `${bed.stateDirectory}/appliances/${model}`;
  const times = await bed.run(['sh', '-c', BARE, 'sh', folder, randomUUID()]);
  const [begin = 0, end = 0] = times.trim().split(' ').map(Number);
  const clearUp = async () => {
    await bed.run(['sh', '-c', 'xl destroy bare; rm -r /tmp/bare']);
  };
  return { seconds: end - begin, clearUp };
}

/** From the first appliance's start on its disk to the last domain's creation, against the sum that Equation 1 foretells. */
async function compareMany(
  context: BenchContext,
  name: string,
  hosts: readonly XenHost[],
  count: number,
  secondsEach: number,
): Promise<Ratio> {
  const tc: number[] = [];
  const measured: number[] = [];
  for (let repetition = 0; repetition < REPETITIONS; repetition += 1) {
    tc.push(await secondsOf(context, () => Promise.all(hosts.map((host) => host.client.getHost()))));
    const asked = await Promise.all(hosts.map((host) => host.ask(count)));
    const made = await Promise.all(hosts.map((host, index) => host.until(asked[index] ?? [], 'Start')));
    measured.push(spanSeconds(made.flat()));
    context.log(`${name}, ${repetition + 1} of ${REPETITIONS}: ${measured.at(-1)?.toFixed(1)} s`);
    await Promise.all(hosts.map((host, index) => host.remove(asked[index] ?? [])));
  }
  const each = Array.from({ length: count }, () => secondsEach);
  // The daemons are asked directly, so nothing is chosen: Ts is what the benchmark `placement` measures.
  const tcSeconds = summarise(tc).median;
  const perHost = new Map(hosts.map((_, index) => [`host-${index}`, each] as const));
  const predicted = predictDeployment({ tcSeconds, tsSeconds: 0, perHost });
  const real = summarise(measured);
  const raw = { tcSeconds, secondsEach, predictedSeconds: predicted.totalSeconds, measuredSeconds: real };
  const value = (Math.abs(real.median - predicted.totalSeconds) / predicted.totalSeconds) * 100;
  return { name: `xen/${name}-percent-off`, value, aim: 10, better: 'less', raw };
}

async function secondsOf(context: BenchContext, work: () => Promise<unknown>): Promise<number> {
  const begin = context.now();
  await work();
  return context.now() - begin;
}

function creationSeconds(appliance: ApplianceStatus): number {
  return (stepOf(appliance, 'Disk')?.seconds ?? 0) + (stepOf(appliance, 'Start')?.seconds ?? 0);
}

function spanSeconds(appliances: readonly ApplianceStatus[]): number {
  const begins = appliances.map((each) => Date.parse(stepOf(each, 'Disk')?.startedAt ?? ''));
  const ends = appliances.map((each) => {
    const start = stepOf(each, 'Start');
    return Date.parse(start?.startedAt ?? '') + (start?.seconds ?? 0) * 1000;
  });
  return (Math.max(...ends) - Math.min(...begins)) / 1000;
}

/** libxl's time-outs that were borne: they are in the times. */
function retriesOf(log: string): number {
  return log.split('\n').filter((line) => line.includes('libxl ran out of its time')).length;
}
