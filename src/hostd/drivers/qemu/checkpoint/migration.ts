import { type Clock, sleep } from '../../../../base/clock.ts';
import { isRecord } from '../../../../base/json.ts';
import type { SaveOptions } from '../../checkpoints.ts';
import { withMonitor } from '../monitor.ts';
import type { Qmp } from '../qmp.ts';

/** Leaves out memory that is in a file: only the state of devices goes over the stream, and the firmware's few pages. */
const IGNORE_SHARED = 'x-ignore-shared';

/** In bytes a second: more than any disk takes. */
const FAST = 64 * 1024 ** 3;

const monitorLimitMs = 10_000;
const shortestLookMs = 5;
const longestLookMs = 100;

/** The VM runs on while its memory is sent as it was when its devices' state was taken. */
const BACKGROUND = 'background-snapshot';

/** Rejects when QEMU does not do it: without it the stream would hold, or expect, all the memory. */
export function ignoreShared(qmp: Qmp): Promise<void> {
  return setCapabilities(qmp, { [IGNORE_SHARED]: true, [BACKGROUND]: false });
}

/** Rejects with QEMU's reason when it, or the host's kernel, does not do it: an ordinary migration would stop the VM. */
export function sendInBackground(qmp: Qmp): Promise<void> {
  return setCapabilities(qmp, { [IGNORE_SHARED]: false, [BACKGROUND]: true });
}

/** As QEMU is when it starts. */
export function noCapabilities(qmp: Qmp): Promise<void> {
  return setCapabilities(qmp, { [IGNORE_SHARED]: false, [BACKGROUND]: false });
}

/** QEMU sends the memory of a VM that is paused as fast as it is taken; otherwise it leaves room for others on a network. */
export async function sendFast(qmp: Qmp): Promise<void> {
  await qmp.execute('migrate-set-parameters', { 'max-bandwidth': FAST });
}

async function setCapabilities(qmp: Qmp, wanted: Readonly<Record<string, boolean>>): Promise<void> {
  const capabilities = Object.entries(wanted).map(([capability, state]) => ({ capability, state }));
  // Off first: some exclude each other.
  capabilities.sort((a, b) => Number(a.state) - Number(b.state));
  await qmp.execute('migrate-set-capabilities', { capabilities });
  const known = await qmp.execute('query-migrate-capabilities');
  const isTaken = ({ capability, state }: { capability: string; state: boolean }) =>
    Array.isArray(known) &&
    known.some((each) => isRecord(each) && each.capability === capability && each.state === state);
  const missing = capabilities.find((each) => !isTaken(each));
  if (missing !== undefined)
    throw new Error(`QEMU did not turn ${missing.state ? 'on' : 'off'} the capability ${missing.capability}`);
}

/** Resolves when QEMU in `directory` has sent, or loaded, all of the state. Rejects when it says that it failed. */
export async function untilMigrated(
  clock: Clock,
  directory: string,
  signal: AbortSignal,
  onProgress?: SaveOptions['onProgress'],
): Promise<void> {
  for (let pauseMs = shortestLookMs; ; pauseMs = Math.min(pauseMs * 1.5, longestLookMs)) {
    const answer = await withMonitor(clock, directory, monitorLimitMs, (qmp) => qmp.execute('query-migrate'));
    const { status, ram, 'error-desc': why } = isRecord(answer) ? answer : {};
    if (isRecord(ram)) onProgress?.(Number(ram.total) - Number(ram.remaining), Number(ram.total));
    if (status === 'completed') return;
    if (status === 'failed' || status === 'cancelled') throw new Error(`QEMU says: ${why ?? status}`);
    await sleep(clock, pauseMs, signal);
  }
}
