import { createHash } from 'node:crypto';

/** Linux allows fifteen characters. */
const DIGITS = 11;

/** The host's end of a VM's interface on a bridge: always the same for a VM, so that it is found again whoever dies when. */
export function tapNameOf(uuid: string): string {
  return `cop-${createHash('sha256').update(uuid).digest('hex').slice(0, DIGITS)}`;
}
