import { HostError, hostErrors } from '../../errors/index.ts';
import { ensureSpace } from '../../files/space.ts';
import { setClock } from '../../guest/set-clock.ts';
import type { Step } from '../pass.ts';
import { domainOf, labelOf, type Scope } from '../scope.ts';
import { startStep } from './machine.ts';

/** The memory of a VM that runs is in its folder, and the VM is off. A VM that does not run stays as it is. */
export function suspendStep(scope: Scope): Step {
  const { host, desired, directory, record } = scope;
  const find = () => host.driver.inspect(desired.uuid, directory.path);
  return {
    name: 'Suspend',
    isDone: async () => {
      const found = await find();
      return found?.state !== 'Running' && found?.state !== 'Paused';
    },
    run: async (signal) => {
      const { suspensions, probe } = host.driver;
      if (suspensions === undefined) throw hostErrors.cannotSuspend(labelOf(desired), (await probe()).name);
      const what = `the memory of VM ${domainOf(desired)}`;
      await ensureSpace(directory.path, what, desired.resources.memoryBytes, host.reserveBytes);
      record.update({ suspended: true });
      await record.saved();
      await suspensions.suspend({ uuid: desired.uuid, directory: directory.path }, { signal });
    },
  };
}

/** The guest has the time of its host: its own stood still while it was suspended. */
export function clockStep({ host, guest, record }: Scope): Step {
  return {
    name: 'Clock',
    isDone: async () => record.current.suspended !== true,
    run: async (signal) => {
      await setClock(guest, host.clock, signal);
      record.update({ suspended: undefined });
    },
  };
}

/**
 * Lets a suspended VM go on, so that its guest can shut itself down: what it has in memory reaches its disk. Resolves with why its memory is
 * of no use; it is gone then. Rejects for any other reason, such as a port that is in use: it stays suspended.
 */
export async function wakeToStop(scope: Scope, signal: AbortSignal): Promise<string | undefined> {
  const { host, desired, directory } = scope;
  const vm = { uuid: desired.uuid, directory: directory.path };
  if ((await host.driver.inspect(vm.uuid, vm.directory))?.state !== 'Suspended') return undefined;
  try {
    await startStep(scope).run(signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof HostError) || error.reason !== 'ResumeFailed') throw error;
    host.log.warn({ appliance: vm.uuid, err: error }, 'a suspended VM is stopped without its memory');
    await host.driver.suspensions?.discard(vm);
    return error.message;
  }
}
