import { resolve } from 'node:path';
import type { KeyedMutex } from '../../../../base/keyed-mutex.ts';
import type { DataFinder } from '../../common/data-finder.ts';
import type { Checkpoints } from '../../driver.ts';
import type { StartContext } from '../start.ts';
import { contentFiles, KnownDigests } from './content.ts';
import { readRecord } from './record.ts';
import { connectVm, type RestoreContext, restoreVm } from './restore.ts';
import { saveVm } from './save.ts';

/** Emulated and beside forty others a restored VM took ten seconds. */
const defaultLimitMs = 60_000;

type Options = {
  readonly guestIn: RestoreContext['guestIn'];
  readonly findData: DataFinder;
  /** How long a restored VM's agent may take to answer. */
  readonly limitMs?: number | undefined;
};

/** Checkpoints by QEMU's migration of devices' state, and of memory that is a file (docs/adr/0072). */
export function createCheckpoints(
  start: StartContext,
  locks: KeyedMutex,
  { guestIn, findData, limitMs = defaultLimitMs }: Options,
): Required<Checkpoints> {
  const context: RestoreContext = { start, digests: new KnownDigests(findData), guestIn, limitMs };
  return {
    save: (vm, target, options) =>
      locks.run(vm.uuid, () =>
        saveVm({ clock: start.clock, guestIn, findData }, vm, resolve(target), options),
      ),
    restore: (vm, checkpoint, { signal } = {}) =>
      locks.run(vm.uuid, () => restoreVm(context, vm, resolve(checkpoint), signal)),
    connect: (vm) => locks.run(vm.uuid, () => connectVm(start.clock, vm)),
    files: async (checkpoint) => {
      const record = await readRecord(checkpoint);
      if (record === undefined) return undefined;
      const { memory, state, disk, dataDisk } = contentFiles;
      return {
        memory: resolve(checkpoint, memory),
        state: resolve(checkpoint, state),
        disk: resolve(checkpoint, disk),
        ...(record.digests.dataDisk === undefined ? {} : { dataDisk: resolve(checkpoint, dataDisk) }),
        key: record.key,
      };
    },
  };
}
