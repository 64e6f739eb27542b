import type { HostReason } from '../memory/placement-outcomes.ts';

/** A status has room for so many hosts (crds/virtualappliances.yaml); the sentence beside them counts all. */
export const MOST_HOSTS = 20;
const MOST_CHARACTERS = 512;

/** Reasons as a status has room for them, the first of them. */
export function hostReasons(
  reasons: readonly { readonly host: string; readonly message: string }[],
): HostReason[] {
  return reasons
    .slice(0, MOST_HOSTS)
    .map(({ host, message }) => ({ host, reason: message.slice(0, MOST_CHARACTERS) }));
}
