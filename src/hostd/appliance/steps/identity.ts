import { renewIdentity } from '../../guest/renew-identity.ts';
import { readInstalled, writeInstalled } from '../installed.ts';
import type { Step } from '../pass.ts';
import type { Scope } from '../scope.ts';

/**
 * The guest is no longer the machine whose disk it has. After cloud-init, which makes keys of its own, and before the guest gets its
 * hostname and its service. Killed in the middle, it is done once more.
 */
export function identityStep(scope: Scope): Step {
  const { uuid } = scope.desired;
  return {
    name: 'Identity',
    isDone: async (signal) => (await readInstalled(scope, signal)).machine === uuid,
    run: async (signal) => {
      // Who answers is asked first: another guest must not lose its keys.
      await readInstalled(scope, signal);
      await renewIdentity(scope.guest, signal);
      await writeInstalled(scope, { machine: uuid }, signal);
    },
  };
}
