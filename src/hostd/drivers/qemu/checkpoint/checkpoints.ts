import { resolve } from 'node:path';
import type { KeyedMutex } from '../../../../base/keyed-mutex.ts';
import type { Checkpoints } from '../../checkpoints.ts';
import type { DataFinder } from '../../common/data-finder.ts';
import type { StartContext } from '../start.ts';
import { KnownDigests } from './content.ts';
import { savedIn } from './record.ts';
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
      locks.run(vm.uuid, async () => {
        const name = resolve(checkpoint);
        await restoreVm(context, vm, (await savedIn(name)) ?? { name }, signal);
      }),
    connect: (vm) => locks.run(vm.uuid, () => connectVm(start.clock, vm)),
    restoreFiles: (vm, files, { signal } = {}) =>
      locks.run(vm.uuid, () => restoreVm(context, vm, { name: files.state, files, digests: {} }, signal)),
    files: async (checkpoint) => (await savedIn(resolve(checkpoint)))?.files,
  };
}
