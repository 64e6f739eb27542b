import { link, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { macFor, machineUuidOf } from '../appliance/steps/mac.ts';
import type { CaptureOptions } from '../drivers/captures.ts';
import type { Checkpoints } from '../drivers/checkpoints.ts';
import { HostError, hostErrors } from '../errors/index.ts';
import { allocatedBytes, syncDirectory } from '../files/durable-files.ts';
import { fileExists } from '../files/if-there.ts';
import { ensureSpace } from '../files/space.ts';
import {
  type CaptureContext,
  type CaptureTargets,
  labelOf,
  parentsOf,
  type SealedAppliance,
} from './capture.ts';
import type { Captured } from './captured.ts';

/** Where a checkpoint's parts lie until they are layers; `folder` is the driver's. */
export type CheckpointTargets = CaptureTargets & { readonly folder: string };

/**
 * Takes the memory, the devices' state and the disks of an appliance's VM as they are at one moment, and gives the disks the names in
 * `targets`. The VM runs on where its host can fork it; elsewhere it ends. Does not take again what an interrupted call took whole.
 * @throws HostError ApplianceGone, NoCheckpoints, CheckpointFailed, NotCapturable, DiskFull
 */
export async function captureCheckpoint(
  context: CaptureContext,
  uuid: string,
  targets: CheckpointTargets,
  options: CaptureOptions,
): Promise<Captured> {
  const appliance = context.applianceOf(uuid);
  if (appliance === undefined) throw hostErrors.applianceToSealGone(uuid);
  const { checkpoints, probe } = context.driver;
  const label = labelOf(appliance.desired);
  if (checkpoints?.files === undefined) throw hostErrors.noCheckpoints(label, (await probe()).name);
  const { folder } = targets;
  if ((await checkpoints.files(folder)) === undefined) {
    await ensureRoom(context, appliance, folder);
    await take(checkpoints, appliance, folder, options);
  }
  const { disks, ...checkpoint } = await savedIn(checkpoints, uuid, folder);
  await secondName(disks.disk, targets.disk);
  if (disks.dataDisk !== undefined) await secondName(disks.dataDisk, targets.data);
  await syncDirectory(dirname(targets.disk));
  const { hostname } = appliance.desired.service.parameters;
  const machine = { uuid: machineUuidOf(appliance.desired), mac: macFor(appliance.desired) };
  const from = hostname === undefined ? machine : { ...machine, hostname };
  return { ...parentsOf(appliance.desired), checkpoint: { ...checkpoint, from } };
}

async function take(
  checkpoints: Checkpoints,
  { desired, directory }: SealedAppliance,
  folder: string,
  options: CaptureOptions,
): Promise<void> {
  const vm = { uuid: desired.uuid, directory: directory.path };
  try {
    if (checkpoints.fork !== undefined) return void (await checkpoints.fork(vm, folder, options));
  } catch (error) {
    if (!(error instanceof HostError) || error.reason !== 'ForkUnavailable') throw error;
    if (desired.capturable !== true) throw hostErrors.notCapturable(labelOf(desired), error);
  }
  await checkpoints.save(vm, folder, options);
}

async function savedIn({ files }: Checkpoints, uuid: string, folder: string) {
  const saved = await files?.(folder);
  if (saved === undefined) throw hostErrors.checkpointFailed(uuid, `${folder} is no whole checkpoint`);
  const { memory, state, key, ...disks } = saved;
  return { memory, state, key, disks };
}

/** The memory that the guest uses is what its file takes: at most all of it. */
async function ensureRoom(
  { reserveBytes }: CaptureContext,
  { desired, directory }: SealedAppliance,
  folder: string,
): Promise<void> {
  const disks = [
    directory.diskPath,
    ...(desired.disk.dataBytes === undefined ? [] : [directory.dataDiskPath]),
  ];
  let neededBytes = desired.resources.memoryBytes;
  for (const path of disks) {
    if (!(await fileExists(path))) throw hostErrors.nothingToSeal(labelOf(desired));
    neededBytes += await allocatedBytes(path);
  }
  const what = `the checkpoint of ${labelOf(desired)}`;
  await ensureSpace(dirname(folder), what, neededBytes, reserveBytes);
}

async function secondName(path: string, target: string): Promise<void> {
  await rm(target, { force: true });
  await link(path, target);
}
