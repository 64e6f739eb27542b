import { growRoot } from '../../guest/grow.ts';
import { readInstalled, writeInstalled } from '../installed.ts';
import type { Step } from '../pass.ts';
import type { Scope } from '../scope.ts';

/**
 * The guest's file system is as large as the disk that was asked for, before anything is installed in it. A guest that cannot do that
 * keeps its service from nothing: the reason is a note of the step, and it is tried again in each boot, since programs may be added.
 */
export function growStep(scope: Scope, sizeBytes: number): Step {
  let note: string | undefined;
  const grown = String(sizeBytes);
  const triedIn = (bootId: string) => `${sizeBytes} ${bootId}`;
  return {
    name: 'Grow',
    note: () => note,
    isDone: async (signal) => {
      const { bootId, grown: known } = await readInstalled(scope, signal);
      return known === grown || (known === triedIn(bootId) && isNoted(scope));
    },
    run: async (signal) => {
      const reason = await growRoot(scope.guest, signal);
      const { bootId } = await readInstalled(scope, signal);
      await writeInstalled(scope, { grown: reason === undefined ? grown : triedIn(bootId) }, signal);
      if (reason === undefined) return;
      note =
        `the guest's file system was not made as large as its disk: ${reason}; the service comes up all the same, and it is tried ` +
        'again when the VM starts again';
    },
  };
}

/** A daemon that was killed between the guest's file and its own record has no note, and tries again to get it. */
function isNoted({ record }: Scope): boolean {
  return record.current.steps.some(
    ({ name, state, message }) => name === 'Grow' && state === 'Done' && message !== undefined,
  );
}
