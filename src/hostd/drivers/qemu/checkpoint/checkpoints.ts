import { join, resolve } from 'node:path';
import type { KeyedMutex } from '../../../../base/keyed-mutex.ts';
import type { Checkpoints, ImageTool } from '../../driver.ts';
import type { StartContext } from '../start.ts';
import { contentFiles, KnownDigests } from './content.ts';
import { readRecord } from './record.ts';
import { connectVm, type RestoreContext, restoreVm } from './restore.ts';
import { saveVm } from './save.ts';

/** Emulated and beside forty others a restored VM took ten seconds. */
const defaultLimitMs = 60_000;

/** Checkpoints by QEMU's migration of devices' state, and of memory that is a file (docs/adr/0072). */
export function createCheckpoints(
  start: StartContext,
  images: Pick<ImageTool, 'inspect'>,
  locks: KeyedMutex,
  limitMs = defaultLimitMs,
): Required<Checkpoints> {
  const context: RestoreContext = { start, images, digests: new KnownDigests(), limitMs };
  return {
    save: (vm, target, options) =>
      locks.run(vm.uuid, () => saveVm(start.clock, vm, resolve(target), options)),
    restore: (vm, checkpoint, { signal } = {}) =>
      locks.run(vm.uuid, () => restoreVm(context, vm, resolve(checkpoint), signal)),
    connect: (vm) => locks.run(vm.uuid, () => connectVm(start.clock, vm)),
    disks: async (checkpoint) => {
      const record = await readRecord(checkpoint);
      if (record === undefined) return undefined;
      const disk = resolve(checkpoint, contentFiles.disk);
      const hasData = record.digests.dataDisk !== undefined;
      return { disk, ...(hasData ? { dataDisk: join(resolve(checkpoint), contentFiles.dataDisk) } : {}) };
    },
  };
}
