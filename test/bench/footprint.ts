import { readdir, readFile } from 'node:fs/promises';
import { VIRTUAL_APPLIANCES } from '../../src/api/kinds.ts';
import type { KubeObject, ResourceRef } from '../../src/base/object.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import { findPart } from '../../src/main/local/processes.ts';
import type { BenchContext, Benchmark, Ratio } from './harness.ts';
import { type LocalCoppice, withLocalCoppice } from './local-coppice.ts';
import { cpuSeconds, residentMiB } from './processes.ts';
import { applyTask, isAvailable, untilAppliances } from './task.ts';

const APPLIANCES = 10;
const TASK = 'footprint';

interface KubeEvent extends KubeObject {
  readonly involvedObject?: { readonly kind?: string };
}

const EVENTS: ResourceRef<KubeEvent> = {
  group: '',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};

/** What Coppice itself costs while ten VMs are deployed: memory, CPU, and writes to the API. */
export const footprint: Benchmark = {
  name: 'footprint',
  description: `memory of operator and daemon and CPU of the daemon, against those of ${APPLIANCES} VMs; API writes per appliance`,
  run: (context) => withLocalCoppice(context, ['--hosts', '1'], (local) => measure(context, local)),
};

async function measure(context: BenchContext, local: LocalCoppice): Promise<readonly Ratio[]> {
  const { client, layout } = local;
  const [operator, daemon] = [await pidOf(layout, 'operator'), await pidOf(layout, 'host-a')];
  const versionBefore = await resourceVersion(client);
  const cpuBefore = await cpuSeconds(daemon);
  const startedAt = context.now();
  const writes = await countWrites(client, async () => {
    await applyTask(client, TASK, APPLIANCES);
    await untilAppliances(client, TASK, (all) => all.length === APPLIANCES && all.every(isAvailable));
  });
  const allWrites = (await resourceVersion(client)) - versionBefore;
  const deploymentSeconds = context.now() - startedAt;
  const daemonCpuSeconds = (await cpuSeconds(daemon)) - cpuBefore;
  const vms = await vmPids(layout.root);
  const vmCpuSeconds = await sum(vms, cpuSeconds);
  const [operatorMiB, daemonMiB, vmMiB] = [
    await residentMiB(operator),
    await residentMiB(daemon),
    await sum(vms, residentMiB),
  ];
  const raw = {
    appliances: APPLIANCES,
    deploymentSeconds,
    operatorMiB,
    daemonMiB,
    vmMiB,
    daemonCpuSeconds,
    vmCpuSeconds,
  };
  const ratio = (name: string, value: number, aim: number, counted: string): Ratio => {
    return { name: `footprint/${name}`, value, aim, better: 'less', raw: { ...raw, counted } };
  };
  return [
    ratio('api-writes-per-appliance', writes / APPLIANCES, 6, 'writes to appliances, and Events about them'),
    ratio(
      'all-api-writes-per-appliance',
      allWrites / APPLIANCES,
      6,
      'every write of anybody to any object meanwhile',
    ),
    ratio('operator-MiB', operatorMiB, 150, 'resident memory'),
    ratio('daemon-MiB', daemonMiB, 150, 'resident memory'),
    ratio(
      'daemon-cpu-percent-while-deploying',
      (100 * daemonCpuSeconds) / deploymentSeconds,
      5,
      'of one core; the paper measures about 5 % of a host (section 6.2)',
    ),
  ];
}

/** The embedded API server numbers every write of any object, so the difference of two versions is their number. */
async function resourceVersion(client: KubeClient): Promise<number> {
  return Number((await client.list(VIRTUAL_APPLIANCES)).resourceVersion);
}

/** Writes of appliances, and of Events about them, while `work` goes on: each is one event of a watch. */
async function countWrites(client: KubeClient, work: () => Promise<void>): Promise<number> {
  const stop = new AbortController();
  let writes = 0;
  const count = async (ref: ResourceRef<KubeObject>, resourceVersion: string) => {
    const options = { resourceVersion, timeoutSeconds: 3600, idleMs: 3_600_000, signal: stop.signal };
    for await (const { type, object } of client.watch(ref, options)) {
      if (type !== 'BOOKMARK' && isAboutAppliance(object)) writes += 1;
    }
  };
  const watches = await Promise.all(
    [VIRTUAL_APPLIANCES, EVENTS].map(async (ref) => ({
      ref,
      from: (await client.list(ref)).resourceVersion,
    })),
  );
  const counting = Promise.allSettled(watches.map(({ ref, from }) => count(ref, from)));
  try {
    await work();
  } finally {
    stop.abort();
    await counting;
  }
  return writes;
}

function isAboutAppliance(object: KubeObject): boolean {
  const kind = object.kind === EVENTS.kind ? (object as KubeEvent).involvedObject?.kind : object.kind;
  return kind === VIRTUAL_APPLIANCES.kind;
}

async function pidOf(layout: LocalCoppice['layout'], part: string): Promise<number> {
  const pid = await findPart(layout, part);
  if (pid === undefined) throw new Error(`${part} does not run`);
  return pid;
}

/** QEMU processes whose disks lie in the data directory. */
async function vmPids(dataDir: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const isVm = await Promise.all(
    pids.map(async (pid) => {
      const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return commandLine.includes('qemu-system') && commandLine.includes(dataDir);
    }),
  );
  return pids.filter((_, at) => isVm[at]);
}

async function sum(pids: readonly number[], of: (pid: number) => Promise<number>): Promise<number> {
  return (await Promise.all(pids.map(of))).reduce((total, value) => total + value, 0);
}
