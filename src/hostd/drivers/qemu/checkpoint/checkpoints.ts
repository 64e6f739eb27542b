import { resolve } from 'node:path';
import type { KeyedMutex } from '../../../../base/keyed-mutex.ts';
import type { Checkpoints, VmToCapture } from '../../driver.ts';
import { type ForkContext, forkVm } from '../fork/fork.ts';
import { tidyFork } from '../fork/tidy.ts';
import type { StartContext } from '../start.ts';
import { contentFiles, KnownDigests } from './content.ts';
import { readRecord } from './record.ts';
import { connectVm, type RestoreContext, restoreVm } from './restore.ts';
import { saveVm } from './save.ts';

/** Emulated and beside forty others a restored VM took ten seconds. */
const defaultLimitMs = 60_000;

type Options = {
  readonly guestIn: RestoreContext['guestIn'];
  /** How long a restored VM's agent may take to answer. */
  readonly limitMs?: number | undefined;
};

/** Checkpoints by QEMU's migration of devices' state, and of memory that is a file (docs/adr/0072). */
export function createCheckpoints(
  start: StartContext,
  images: ForkContext['images'],
  locks: KeyedMutex,
  { guestIn, limitMs = defaultLimitMs }: Options,
): Required<Checkpoints> {
  const digests = new KnownDigests();
  const context: RestoreContext = { start, images, digests, guestIn, limitMs };
  const inTurn = <T>(vm: VmToCapture, work: () => Promise<T>) =>
    locks.run(vm.uuid, async () => {
      await tidyFork(start.clock, vm);
      return work();
    });
  return {
    save: (vm, target, options) =>
      inTurn(vm, () => saveVm({ clock: start.clock, guestIn }, vm, resolve(target), options)),
    restore: (vm, checkpoint, { signal } = {}) =>
      inTurn(vm, () => restoreVm(context, vm, resolve(checkpoint), signal)),
    fork: (vm, target, options) =>
      inTurn(vm, () => forkVm({ start, images, digests }, vm, resolve(target), options)),
    tidy: (vm) => inTurn(vm, async () => undefined),
    connect: (vm) => locks.run(vm.uuid, () => connectVm(start.clock, vm)),
    disks: async (checkpoint) => {
      const record = await readRecord(checkpoint);
      if (record === undefined) return undefined;
      const disk = resolve(checkpoint, contentFiles.disk);
      if (record.digests.dataDisk === undefined) return { disk };
      return { disk, dataDisk: resolve(checkpoint, contentFiles.dataDisk) };
    },
  };
}
