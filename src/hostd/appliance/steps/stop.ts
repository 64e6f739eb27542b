import type { Step } from '../pass.ts';
import { powerOff } from '../power-off.ts';
import type { Scope } from '../scope.ts';
import { wakeToStop } from './suspend.ts';

/** The VM is off, and stays off. A guest that does not shut itself down in time is a note: what it had not written is lost. */
export function stopStep(scope: Scope): Step {
  const { host, desired, directory, record } = scope;
  let note: string | undefined;
  return {
    name: 'Stop',
    note: () => note,
    isDone: async () => {
      const found = await host.driver.inspect(desired.uuid, directory.path);
      // A VM that failed may still have its hypervisor: without `run`, nobody would end that.
      return found === undefined || (found.state === 'Stopped' && found.remains !== true);
    },
    run: async (signal) => {
      const { shutdownMs } = host.pace;
      const lost = await wakeToStop(scope, signal);
      const isOff = await powerOff(host.driver, directory, { timeoutMs: shutdownMs, log: host.log });
      record.update({ suspended: undefined });
      if (lost !== undefined)
        note = `its memory is given up, and its disk is as after a loss of power: ${lost}`;
      else if (!isOff) note = notShutDown(shutdownMs);
    },
  };
}

function notShutDown(patienceMs: number): string {
  return (
    `the guest did not shut itself down within ${patienceMs / 1000} s, so its VM was powered off: its disk is as after a loss of ` +
    'power, and what the guest had not written there is lost'
  );
}
