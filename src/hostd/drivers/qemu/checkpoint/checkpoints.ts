import { resolve } from 'node:path';
import type { KeyedMutex } from '../../../../base/keyed-mutex.ts';
import type { VmToCapture } from '../../captures.ts';
import type { Checkpoints } from '../../checkpoints.ts';
import type { DataFinder } from '../../common/data-finder.ts';
import { type ForkContext, forkVm } from '../fork/fork.ts';
import { tidyFork } from '../fork/tidy.ts';
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
  images: ForkContext['images'],
  locks: KeyedMutex,
  { guestIn, findData, limitMs = defaultLimitMs }: Options,
): Required<Checkpoints> {
  const { clock } = start;
  const digests = new KnownDigests(findData);
  const context: RestoreContext = { start, digests, guestIn, limitMs };
  const inTurn = <T>(vm: VmToCapture, work: () => Promise<T>) =>
    locks.run(vm.uuid, async () => {
      await tidyFork(clock, vm);
      return work();
    });
  return {
    save: (vm, target, options) =>
      inTurn(vm, () => saveVm({ clock, guestIn, findData }, vm, resolve(target), options)),
    restore: (vm, checkpoint, { signal } = {}) =>
      inTurn(vm, async () => {
        const name = resolve(checkpoint);
        await restoreVm(context, vm, (await savedIn(name)) ?? { name }, signal);
      }),
    fork: (vm, target, options) =>
      inTurn(vm, () => forkVm({ start, images, digests }, vm, resolve(target), options)),
    tidy: (vm) => inTurn(vm, async () => undefined),
    connect: (vm) => locks.run(vm.uuid, () => connectVm(clock, vm)),
    restoreFiles: (vm, files, { signal } = {}) =>
      inTurn(vm, () => restoreVm(context, vm, { name: files.state, files, digests: {} }, signal)),
    files: async (checkpoint) => (await savedIn(resolve(checkpoint)))?.files,
  };
}
