import { resolve } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { KeyedMutex } from '../../../base/keyed-mutex.ts';
import { restFileSystems, wakeFileSystems } from '../../guest/freeze.ts';
import type { Capture, CaptureOptions, Captures, DiskToCapture, VmToCapture } from '../captures.ts';
import type { Agents } from '../common/agents.ts';
import {
  beginJobs,
  endJobs,
  followJobs,
  type JobContext,
  jobNameOf,
  jobsIn,
  openTarget,
} from './backup-jobs.ts';
import { withMonitor } from './monitor.ts';

export type CaptureContext = JobContext & { readonly clock: Clock; readonly agents: Agents };

const monitorLimitMs = 10_000;
const JOBS = 'capture-';

/** Copies of running VMs' disks by QEMU's backup jobs. */
export function createCaptures(context: CaptureContext): Captures {
  const turns = new KeyedMutex();
  return {
    capture: (vm, disks, options) => turns.run(vm.uuid, () => capture(context, vm, disks, options)),
    abandon: ({ uuid, directory }, targets) =>
      turns.run(uuid, async () => {
        const names = targets.map(nameOf);
        await endJobs(context.clock, directory, (id) => names.includes(id));
        await wake(context, directory);
      }),
  };
}

function nameOf(target: string): string {
  return jobNameOf(JOBS, target);
}

async function capture(
  context: CaptureContext,
  vm: VmToCapture,
  disks: readonly DiskToCapture[],
  options: CaptureOptions,
): Promise<Capture> {
  const { clock } = context;
  const isOwn = (id: string) => id.startsWith(JOBS);
  const names = disks.map(({ target }) => nameOf(target));
  await endJobs(clock, vm.directory, (id) => isOwn(id) && !names.includes(id));
  const jobs = await withMonitor(clock, vm.directory, monitorLimitMs, jobsIn);
  const known = jobs.map(({ id }) => id);
  // Of jobs that began together, one may be dismissed already: then all begin again.
  const isUnderWay = names.every((name) => known.includes(name));
  if (!isUnderWay) await endJobs(clock, vm.directory, isOwn);
  // Another daemon may have been killed before it let the guest go on.
  const warning = isUnderWay ? await wake(context, vm.directory) : await begin(context, vm, disks);
  await followJobs(clock, vm, names, disks[0]?.target ?? '', options);
  return warning === undefined ? {} : { warning };
}

/** @returns what a person should know of the copies */
async function begin(
  context: CaptureContext,
  vm: VmToCapture,
  disks: readonly DiskToCapture[],
): Promise<string | undefined> {
  const { clock } = context;
  for (const disk of disks) await openTarget(context, vm.directory, nameOf(disk.target), disk);
  const { agent, release } = context.agents.acquire(resolve(vm.directory));
  try {
    // An earlier daemon may have frozen it.
    await wakeFileSystems(clock, agent);
    const rest = await restFileSystems(agent);
    await withMonitor(clock, vm.directory, monitorLimitMs, (qmp) => beginJobs(qmp, disks, nameOf));
    return rest;
  } finally {
    await wakeFileSystems(clock, agent).finally(release);
  }
}

async function wake({ clock, agents }: CaptureContext, directory: string): Promise<undefined> {
  const { agent, release } = agents.acquire(resolve(directory));
  await wakeFileSystems(clock, agent).finally(release);
}
