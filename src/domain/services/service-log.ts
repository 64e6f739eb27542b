import { type GuestScript, runScript } from './actions.ts';
import type { GuestAction } from './types.ts';

/** Of one answer of a guest's agent, this much output is kept. */
export const LONGEST_SERVICE_LOG_BYTES = 48 * 1024;

/** $1 service, $2 bytes. Prints nothing before the service was started. */
const TAIL: GuestScript = {
  title: 'read the end of what the service printed',
  timeoutSeconds: 20,
  text: `log=/var/log/coppice-$1.log
[ -f "$log" ] || log=/run/coppice/$1.log
[ -f "$log" ] || exit 0
b tail -c "$2" "$log"
`,
};

/**
 * Prints the last bytes of what a service printed, both outputs together, since it was first started on its disk. Undefined for a type
 * of container that starts its server itself: what it prints goes where its template sends it.
 */
export function readServiceLog(
  containerType: string,
  serviceName: string,
  bytes: number,
): Extract<GuestAction, { kind: 'exec' }> | undefined {
  return containerType === 'command' ? runScript(TAIL, [serviceName, String(bytes)]) : undefined;
}
