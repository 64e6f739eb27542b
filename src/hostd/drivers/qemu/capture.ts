import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Clock, sleep } from '../../../base/clock.ts';
import { isRecord } from '../../../base/json.ts';
import { KeyedMutex } from '../../../base/keyed-mutex.ts';
import { type HostError, hostErrors } from '../../errors/index.ts';
import { restFileSystems, wakeFileSystems } from '../../guest/freeze.ts';
import type { Capture, CaptureOptions, Captures, DiskToCapture, VmToCapture } from '../captures.ts';
import type { Agents } from '../common/agents.ts';
import type { ImageTool } from '../driver.ts';
import { DISK_NODES } from './command-line.ts';
import { withMonitor } from './monitor.ts';
import type { Qmp } from './qmp.ts';

export type CaptureContext = {
  readonly clock: Clock;
  readonly agents: Agents;
  readonly images: Pick<ImageTool, 'inspect' | 'createOverlay' | 'createEmpty'>;
};

const monitorLimitMs = 10_000;
const lookMs = 250;
/** The jobs of this driver that copy disks; nobody else makes jobs. */
const JOBS = 'capture-';

/**
 * Copies of running VMs' disks by QEMU's backup jobs, which copy what the top file holds as it was at the job's start: QEMU saves what
 * the guest overwrites meanwhile. A job that ended stays known until it is dismissed, so a daemon that was killed finds what came of it.
 * https://www.qemu.org/docs/master/interop/live-block-operations.html
 */
export function createCaptures(context: CaptureContext): Captures {
  const turns = new KeyedMutex();
  return {
    capture: (vm, disks, options) => turns.run(vm.uuid, () => capture(context, vm, disks, options)),
    abandon: ({ uuid, directory }, targets) =>
      turns.run(uuid, async () => {
        const names = targets.map(nameOf);
        await endJobs(context, directory, (id) => names.includes(id));
        await wake(context, directory);
      }),
  };
}

/** Name of the job, and of the target's node in QEMU: the same for every daemon. */
function nameOf(target: string): string {
  return JOBS + createHash('sha256').update(resolve(target)).digest('hex').slice(0, 16);
}

async function capture(
  context: CaptureContext,
  vm: VmToCapture,
  disks: readonly DiskToCapture[],
  options: CaptureOptions,
): Promise<Capture> {
  const names = disks.map(({ target }) => nameOf(target));
  await endJobs(context, vm.directory, (id) => !names.includes(id));
  const known = (await jobsIn(context, vm.directory)).map(({ id }) => id);
  // Of jobs that began together, one may be dismissed already: then all begin again.
  const isUnderWay = names.every((name) => known.includes(name));
  if (!isUnderWay) await endJobs(context, vm.directory, () => true);
  // Another daemon may have been killed before it let the guest go on.
  const warning = isUnderWay ? await wake(context, vm.directory) : await begin(context, vm, disks);
  await follow(context, vm, disks, options);
  return warning === undefined ? {} : { warning };
}

/** @returns what a person should know of the copies */
async function begin(
  context: CaptureContext,
  vm: VmToCapture,
  disks: readonly DiskToCapture[],
): Promise<string | undefined> {
  for (const disk of disks) await openTarget(context, vm, disk);
  const { agent, release } = context.agents.acquire(resolve(vm.directory));
  try {
    // An earlier daemon may have frozen it.
    await wakeFileSystems(context.clock, agent);
    const rest = await restFileSystems(agent);
    const actions = disks.map(({ which, layer, target }) => ({
      type: 'blockdev-backup',
      data: {
        'job-id': nameOf(target),
        device: DISK_NODES[which],
        target: nameOf(target),
        sync: layer === undefined ? 'full' : 'top',
        'auto-dismiss': false,
      },
    }));
    // All begin at one moment, or none.
    await ask(context, vm.directory, (qmp) => qmp.execute('transaction', { actions }));
    return rest;
  } finally {
    await wakeFileSystems(context.clock, agent).finally(release);
  }
}

/** Makes the file that a disk is copied to, and has QEMU open it. */
async function openTarget(
  context: CaptureContext,
  vm: VmToCapture,
  { path, layer, target }: DiskToCapture,
): Promise<void> {
  const { images } = context;
  const name = nameOf(target);
  // A daemon that was killed before the job began leaves QEMU with the file open.
  await ask(context, vm.directory, (qmp) => closeNode(qmp, name));
  await rm(target, { force: true });
  const { virtualBytes } = await images.inspect(path, 'qcow2');
  if (layer === undefined) await images.createEmpty(target, virtualBytes);
  else await images.createOverlay(layer, target, virtualBytes);
  // Without its layer: what is not in the top file is not copied, and nothing of the layer is read.
  const node = {
    driver: 'qcow2',
    'node-name': name,
    backing: null,
    file: { driver: 'file', filename: resolve(target) },
  };
  await ask(context, vm.directory, (qmp) => qmp.execute('blockdev-add', node));
}

/** Waits for the jobs' end. */
async function follow(
  context: CaptureContext,
  vm: VmToCapture,
  disks: readonly DiskToCapture[],
  { onProgress, signal }: CaptureOptions,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const known = await jobsIn(context, vm.directory);
    const jobs = disks.map(({ target }) => known.find(({ id }) => id === nameOf(target)));
    const running = jobs.filter((job) => job !== undefined);
    if (running.length < jobs.length)
      throw hostErrors.captureFailed(vm.uuid, 'QEMU no longer knows of the copy');
    onProgress(sum(running.map(({ done }) => done)), sum(running.map(({ total }) => total)));
    if (running.every(({ status }) => status === 'concluded')) {
      await ask(context, vm.directory, async (qmp) => {
        for (const { id } of running) await dismiss(qmp, id);
      });
      const why = running.map(({ error }) => error).find((error) => error !== undefined);
      if (why !== undefined) throw failureOf(vm, disks[0]?.target ?? '', why);
      return;
    }
    await sleep(context.clock, lookMs, signal);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function failureOf({ uuid }: VmToCapture, target: string, why: string): HostError {
  return /no space left/i.test(why) ? hostErrors.diskFull(target) : hostErrors.captureFailed(uuid, why);
}

async function endJobs(
  context: CaptureContext,
  directory: string,
  which: (id: string) => boolean,
): Promise<void> {
  for (;;) {
    const left = (await jobsIn(context, directory)).filter(({ id }) => which(id));
    if (left.length === 0) return;
    await ask(context, directory, async (qmp) => {
      for (const { id, status } of left) {
        if (status === 'concluded') await dismiss(qmp, id);
        else await qmp.execute('job-cancel', { id });
      }
    });
    await sleep(context.clock, lookMs);
  }
}

/** QEMU closes the file, which is then complete if the job did not fail. */
async function dismiss(qmp: Qmp, name: string): Promise<void> {
  await closeNode(qmp, name);
  await qmp.execute('job-dismiss', { id: name });
}

async function closeNode(qmp: Qmp, name: string): Promise<void> {
  const nodes = await qmp.execute('query-named-block-nodes', { flat: true });
  const isOpen = Array.isArray(nodes) && nodes.some((node) => isRecord(node) && node['node-name'] === name);
  if (isOpen) await qmp.execute('blockdev-del', { 'node-name': name });
}

async function wake({ clock, agents }: CaptureContext, directory: string): Promise<undefined> {
  const { agent, release } = agents.acquire(resolve(directory));
  await wakeFileSystems(clock, agent).finally(release);
}

type Job = {
  readonly id: string;
  readonly status: string;
  readonly error: string | undefined;
  /** In bytes. */
  readonly done: number;
  readonly total: number;
};

async function jobsIn(context: CaptureContext, directory: string): Promise<readonly Job[]> {
  const answer = await ask(context, directory, (qmp) => qmp.execute('query-jobs'));
  if (!Array.isArray(answer)) return [];
  return answer.filter(isRecord).flatMap((job) => {
    const { id, status, error } = job;
    if (typeof id !== 'string' || typeof status !== 'string' || !id.startsWith(JOBS)) return [];
    const [done, total] = [Number(job['current-progress']), Number(job['total-progress'])];
    return [{ id, status, error: typeof error === 'string' ? error : undefined, done, total }];
  });
}

function ask<T>({ clock }: CaptureContext, directory: string, use: (qmp: Qmp) => Promise<T>): Promise<T> {
  return withMonitor(clock, directory, monitorLimitMs, use);
}
