import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Clock, sleep } from '../../../base/clock.ts';
import { isRecord } from '../../../base/json.ts';
import { type HostError, hostErrors } from '../../errors/index.ts';
import type { CaptureOptions, DiskToCapture, VmToCapture } from '../captures.ts';
import type { ImageTool } from '../driver.ts';
import { DISK_NODES } from './command-line.ts';
import { withMonitor } from './monitor.ts';
import type { Qmp } from './qmp.ts';

/**
 * QEMU's backup jobs copy what the top file of a disk holds as it was at the job's start: QEMU saves what the guest overwrites meanwhile.
 * A job that ended stays known until it is dismissed, so a daemon that was killed finds what came of it.
 * https://www.qemu.org/docs/master/interop/live-block-operations.html
 */
export type JobContext = {
  readonly clock: Clock;
  readonly images: Pick<ImageTool, 'inspect' | 'createOverlay' | 'createEmpty'>;
};

const monitorLimitMs = 10_000;
const shortestLookMs = 10;
const longestLookMs = 250;

/** Name of the job, and of the target's node in QEMU: the same for every daemon. The prefix says which part of the driver has begun it. */
export function jobNameOf(prefix: string, target: string): string {
  return prefix + createHash('sha256').update(resolve(target)).digest('hex').slice(0, 16);
}

/** Makes the file that a disk is copied to, and has QEMU open it. */
export async function openTarget(
  { clock, images }: JobContext,
  directory: string,
  name: string,
  { path, layer, target }: DiskToCapture,
): Promise<void> {
  // A daemon that was killed before the job began leaves QEMU with the file open.
  await ask(clock, directory, (qmp) => closeNode(qmp, name));
  await rm(target, { force: true });
  const { virtualBytes } = await images.inspect(path, 'qcow2');
  if (layer === undefined) await images.createEmpty(target, virtualBytes);
  else await images.createOverlay(layer, target, virtualBytes);
  // The target is opened without its layer: the job copies only what is in the top file, and reads nothing of the layer.
  const node = {
    driver: 'qcow2',
    'node-name': name,
    backing: null,
    file: { driver: 'file', filename: resolve(target) },
  };
  await ask(clock, directory, (qmp) => qmp.execute('blockdev-add', node));
}

/** The jobs of all these disks begin at one moment, or none does. */
export async function beginJobs(
  qmp: Qmp,
  disks: readonly DiskToCapture[],
  nameOf: (target: string) => string,
): Promise<void> {
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
  await qmp.execute('transaction', { actions });
}

/** Waits for the jobs' end, and has QEMU close the files. */
export async function followJobs(
  clock: Clock,
  vm: VmToCapture,
  names: readonly string[],
  target: string,
  { onProgress, signal }: CaptureOptions,
): Promise<void> {
  for (let pauseMs = shortestLookMs; ; pauseMs = Math.min(pauseMs * 2, longestLookMs)) {
    signal.throwIfAborted();
    const known = await ask(clock, vm.directory, jobsIn);
    const jobs = names.map((name) => known.find(({ id }) => id === name));
    const running = jobs.filter((job) => job !== undefined);
    if (running.length < jobs.length)
      throw hostErrors.captureFailed(vm.uuid, 'QEMU no longer knows of the copy');
    onProgress(sum(running.map(({ done }) => done)), sum(running.map(({ total }) => total)));
    if (running.every(({ status }) => status === 'concluded')) {
      await ask(clock, vm.directory, async (qmp) => {
        for (const { id } of running) await dismiss(qmp, id);
      });
      const why = running.map(({ error }) => error).find((error) => error !== undefined);
      if (why !== undefined) throw failureOf(vm, target, why);
      return;
    }
    await sleep(clock, pauseMs, signal);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function failureOf({ uuid }: VmToCapture, target: string, why: string): HostError {
  return /no space left/i.test(why) ? hostErrors.diskFull(target) : hostErrors.captureFailed(uuid, why);
}

/** Ends the jobs and has QEMU close their files. Resolves with whether there were any. */
export async function endJobs(
  clock: Clock,
  directory: string,
  which: (id: string) => boolean,
): Promise<boolean> {
  for (let isFirst = true; ; isFirst = false) {
    const left = (await ask(clock, directory, jobsIn)).filter(({ id }) => which(id));
    if (left.length === 0) return !isFirst;
    await ask(clock, directory, async (qmp) => {
      for (const { id, status } of left) {
        if (status === 'concluded') await dismiss(qmp, id);
        else await qmp.execute('job-cancel', { id });
      }
    });
    await sleep(clock, isFirst ? shortestLookMs : longestLookMs);
  }
}

/** Closes the files of jobs that were never begun. */
export async function closeNodes(qmp: Qmp, which: (name: string) => boolean): Promise<void> {
  const nodes = await qmp.execute('query-named-block-nodes', { flat: true });
  const names = (Array.isArray(nodes) ? nodes.filter(isRecord) : []).map((node) => node['node-name']);
  for (const name of names)
    if (typeof name === 'string' && which(name)) await qmp.execute('blockdev-del', { 'node-name': name });
}

/** QEMU closes the file, which is then complete if the job did not fail. */
async function dismiss(qmp: Qmp, name: string): Promise<void> {
  await closeNode(qmp, name);
  await qmp.execute('job-dismiss', { id: name });
}

function closeNode(qmp: Qmp, name: string): Promise<void> {
  return closeNodes(qmp, (each) => each === name);
}

type Job = {
  readonly id: string;
  readonly status: string;
  readonly error: string | undefined;
  /** In bytes. */
  readonly done: number;
  readonly total: number;
};

/** This driver's jobs copy disks, and nobody else makes jobs. */
export async function jobsIn(qmp: Qmp): Promise<readonly Job[]> {
  const answer = await qmp.execute('query-jobs');
  if (!Array.isArray(answer)) return [];
  return answer.filter(isRecord).flatMap((job) => {
    const { id, status, error } = job;
    if (typeof id !== 'string' || typeof status !== 'string') return [];
    const [done, total] = [Number(job['current-progress']), Number(job['total-progress'])];
    return [{ id, status, error: typeof error === 'string' ? error : undefined, done, total }];
  });
}

function ask<T>(clock: Clock, directory: string, use: (qmp: Qmp) => Promise<T>): Promise<T> {
  return withMonitor(clock, directory, monitorLimitMs, use);
}
