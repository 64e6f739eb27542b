import { type Deadline, remaining } from '../../base/deadline.ts';
import { HostError, hostErrors } from '../errors/index.ts';
import { createAgentGuest } from './agent-guest.ts';
import type { Guest } from './guest.ts';
import { otherGuest } from './identity.ts';
import { readInstalledFrom } from './installed.ts';
import type { Session } from './session.ts';

/**
 * Asks the guest of the VM `uuid` to power off; does not wait for that. It is asked first who it is, because the agent may be another
 * VM's: then rejects with `WrongGuest`. A guest that cannot tell is believed.
 */
export async function tellToPowerOff(
  session: Session,
  uuid: string,
  deadline: Deadline,
  signal: AbortSignal,
): Promise<void> {
  const guest = createAgentGuest(session, () => undefined);
  const other = otherGuest(uuid, await uuidsOf(guest, signal));
  if (other !== undefined) throw hostErrors.wrongGuest(uuid, uuid, other);
  await guest.shutdown(Math.max(1, remaining(session.clock, deadline)));
}

/** None when its agent runs no programs, or the program fails. */
async function uuidsOf(guest: Guest, signal: AbortSignal): Promise<readonly string[]> {
  try {
    return (await readInstalledFrom(guest, signal)).uuids;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof HostError) || error.reason === 'AgentUnavailable') throw error;
    return [];
  }
}
