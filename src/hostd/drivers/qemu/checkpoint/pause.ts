import type { Clock } from '../../../../base/clock.ts';
import type { HostError } from '../../../errors/index.ts';
import type { VmToCapture } from '../../captures.ts';
import { letRun, readCondition, withMonitor } from '../monitor.ts';
import type { Qmp } from '../qmp.ts';

const monitorLimitMs = 10_000;

/**
 * Lets a VM run that a killed daemon left paused while it saved its state: QEMU sends the state of no other. Rejects with `failed` when the
 * VM does not run, or is paused for another reason.
 */
export function ensureRuns(
  clock: Clock,
  { uuid, directory }: VmToCapture,
  failed: (uuid: string, why: string) => HostError,
): Promise<void> {
  return withMonitor(clock, directory, monitorLimitMs, async (qmp) => {
    const found = await readCondition(qmp);
    if (found.state === 'Paused' && found.problem === undefined && found.isEmpty !== true) {
      await cancel(qmp);
      await letRun(qmp, directory);
    } else if (found.state !== 'Running') {
      throw failed(uuid, found.problem?.message ?? 'the VM does not run');
    }
  });
}

/** Ends the sending of a VM's state, if there is any, and lets it run. */
export function goOn(clock: Clock, { directory }: VmToCapture): Promise<void> {
  return withMonitor(clock, directory, monitorLimitMs, async (qmp) => {
    await cancel(qmp);
    await letRun(qmp, directory);
  });
}

/** Does nothing when no state is being sent. */
async function cancel(qmp: Qmp): Promise<void> {
  await qmp.execute('migrate_cancel');
}
