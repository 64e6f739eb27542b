import { type Clock, sleep } from '../../../../base/clock.ts';
import { isRecord } from '../../../../base/json.ts';
import { withMonitor } from '../monitor.ts';
import type { Qmp } from '../qmp.ts';

/** Leaves out memory that is in a file: only the state of devices goes over the stream, and the firmware's few pages. */
const IGNORE_SHARED = 'x-ignore-shared';

const monitorLimitMs = 10_000;
const shortestLookMs = 5;
const longestLookMs = 100;

/** Rejects when QEMU does not do it: without it the stream would hold, or expect, all the memory. */
export async function ignoreShared(qmp: Qmp): Promise<void> {
  const capabilities = [{ capability: IGNORE_SHARED, state: true }];
  await qmp.execute('migrate-set-capabilities', { capabilities });
  const known = await qmp.execute('query-migrate-capabilities');
  const isTaken =
    Array.isArray(known) &&
    known.some((each) => isRecord(each) && each.capability === IGNORE_SHARED && each.state === true);
  if (!isTaken) throw new Error(`QEMU did not take the capability ${IGNORE_SHARED}`);
}

/** Resolves when QEMU in `directory` has sent, or loaded, all of the state. Rejects when it says that it failed. */
export async function untilMigrated(clock: Clock, directory: string, signal: AbortSignal): Promise<void> {
  for (let pauseMs = shortestLookMs; ; pauseMs = Math.min(pauseMs * 1.5, longestLookMs)) {
    const answer = await withMonitor(clock, directory, monitorLimitMs, (qmp) => qmp.execute('query-migrate'));
    const { status, 'error-desc': why } = isRecord(answer) ? answer : {};
    if (status === 'completed') return;
    if (status === 'failed' || status === 'cancelled') throw new Error(`QEMU says: ${why ?? status}`);
    await sleep(clock, pauseMs, signal);
  }
}
