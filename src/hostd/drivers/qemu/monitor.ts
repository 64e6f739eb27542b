import type { Clock } from '../../../base/clock.ts';
import { isRecord } from '../../../base/json.ts';
import type { Problem } from '../../../host/protocol.ts';
import { hostErrors, toProblem } from '../../errors/index.ts';
import { connectIn } from '../common/socket.ts';
import type { VmObservation } from '../driver.ts';
import { readConfiguration } from './configuration.ts';
import { vmFiles } from './files.ts';
import { type Qmp, withQmp } from './qmp.ts';
import { forgetMemory } from './suspend/saved-memory.ts';

/** A VM's state, as QEMU reports it. */
export type VmCondition = {
  readonly state: VmObservation['state'];
  readonly problem?: Problem;
  /** QEMU waits for the state of a VM that continues from a checkpoint: there is no guest yet. */
  readonly isEmpty?: true;
};

/** QEMU's name of the VM's network interface. */
export const LINK = 'net';

/** Whether the guest is over, though its QEMU is still there, with the VM's memory and ports. */
export function hasEnded({ state }: VmCondition): boolean {
  return state === 'Crashed' || state === 'Stopped';
}

/** One conversation with the monitor of the QEMU that runs in `directory`. */
export function withMonitor<T>(
  clock: Clock,
  directory: string,
  timeoutMs: number,
  use: (qmp: Qmp) => Promise<T>,
): Promise<T> {
  return withQmp(clock, () => connectIn(clock, directory, vmFiles.monitor, timeoutMs), timeoutMs, use);
}

/** https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html, RunState. */
export async function readCondition(qmp: Qmp): Promise<VmCondition> {
  const answer = await qmp.execute('query-status');
  const status = isRecord(answer) ? answer.status : undefined;
  switch (status) {
    case 'running':
    case 'suspended':
      return { state: 'Running' };
    case 'shutdown':
      return { state: 'Stopped' };
    case 'guest-panicked':
      return { state: 'Crashed', problem: toProblem(hostErrors.guestPanicked()) };
    case 'internal-error':
      return { state: 'Crashed', problem: toProblem(hostErrors.hypervisorError()) };
    case 'io-error':
      return { state: 'Paused', problem: await diskProblem(qmp) };
    case 'inmigrate':
      return { state: 'Paused', isEmpty: true };
    default:
      return { state: 'Paused' };
  }
}

/**
 * Lets a paused VM run: the only place where this is done. A twin of another VM reaches nobody until it is connected. Memory that was saved
 * when it was suspended is of no use from now on, since its disk changes.
 */
export async function letRun(qmp: Qmp, directory: string): Promise<void> {
  await forgetMemory(directory);
  const isTwin = (await readConfiguration(directory))?.isTwin === true;
  if (isTwin) await qmp.execute('set_link', { name: LINK, up: false });
  await qmp.execute('cont');
}

async function diskProblem(qmp: Qmp): Promise<Problem> {
  const devices = await qmp.execute('query-block');
  const states = Array.isArray(devices)
    ? devices.map((device) => (isRecord(device) ? device['io-status'] : undefined))
    : [];
  return toProblem(states.includes('nospace') ? hostErrors.vmDiskFull() : hostErrors.vmDiskError());
}
