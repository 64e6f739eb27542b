import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Clock, sleep } from '../../../base/clock.ts';
import { isRecord } from '../../../base/json.ts';
import { KeyedMutex } from '../../../base/keyed-mutex.ts';
import { type HostError, hostErrors } from '../../errors/index.ts';
import { restFileSystems, wakeFileSystems } from '../../guest/freeze.ts';
import type { Agents } from '../common/agents.ts';
import type { Capture, CaptureOptions, Captures, ImageTool, VmToCapture } from '../driver.ts';
import { DISK_NODE } from './command-line.ts';
import { withMonitor } from './monitor.ts';
import type { Qmp } from './qmp.ts';

export type CaptureContext = {
  readonly clock: Clock;
  readonly agents: Agents;
  readonly images: Pick<ImageTool, 'inspect' | 'createOverlay'>;
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
    capture: (vm, target, options) => turns.run(vm.uuid, () => capture(context, vm, target, options)),
    abandon: (vm, target) =>
      turns.run(vm.uuid, async () => {
        await endJobs(context, vm.directory, (id) => id === nameOf(target));
        await wake(context, vm.directory);
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
  target: string,
  options: CaptureOptions,
): Promise<Capture> {
  const name = nameOf(target);
  await endJobs(context, vm.directory, (id) => id !== name);
  const known = (await jobsIn(context, vm.directory)).some(({ id }) => id === name);
  // Another daemon may have been killed before it let the guest go on.
  const warning = known ? await wake(context, vm.directory) : await begin(context, vm, target, name);
  await follow(context, vm, target, options);
  return warning === undefined ? {} : { warning };
}

/** @returns what a person should know of the copy */
async function begin(
  context: CaptureContext,
  vm: VmToCapture,
  target: string,
  name: string,
): Promise<string | undefined> {
  const { images } = context;
  // A daemon that was killed before the job began leaves QEMU with the file open.
  await ask(context, vm.directory, (qmp) => closeNode(qmp, name));
  await rm(target, { force: true });
  const { virtualBytes } = await images.inspect(vm.diskPath, 'qcow2');
  await images.createOverlay(vm.layer, target, virtualBytes);
  // Without its layer: what is not in the top file is not copied, and nothing of the layer is read.
  const node = {
    driver: 'qcow2',
    'node-name': name,
    backing: null,
    file: { driver: 'file', filename: resolve(target) },
  };
  await ask(context, vm.directory, (qmp) => qmp.execute('blockdev-add', node));
  const { agent, release } = context.agents.acquire(resolve(vm.directory));
  try {
    // An earlier daemon may have frozen it.
    await wakeFileSystems(context.clock, agent);
    const rest = await restFileSystems(agent);
    const job = { 'job-id': name, device: DISK_NODE, target: name, sync: 'top', 'auto-dismiss': false };
    await ask(context, vm.directory, (qmp) => qmp.execute('blockdev-backup', job));
    return rest;
  } finally {
    await wakeFileSystems(context.clock, agent).finally(release);
  }
}

/** Waits for the job's end. */
async function follow(
  context: CaptureContext,
  vm: VmToCapture,
  target: string,
  { onProgress, signal }: CaptureOptions,
): Promise<void> {
  const name = nameOf(target);
  for (;;) {
    signal.throwIfAborted();
    const job = (await jobsIn(context, vm.directory)).find(({ id }) => id === name);
    if (job === undefined) throw hostErrors.captureFailed(vm.uuid, 'QEMU no longer knows of the copy');
    onProgress(job.done, job.total);
    if (job.status === 'concluded') {
      await ask(context, vm.directory, (qmp) => dismiss(qmp, name));
      if (job.error !== undefined) throw failureOf(vm, target, job.error);
      return;
    }
    await sleep(context.clock, lookMs, signal);
  }
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
