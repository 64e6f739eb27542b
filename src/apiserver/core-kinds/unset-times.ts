import { isJsonObject } from '../codec/merge-patch.ts';

/** Writes, as Go does, null for times of conditions that are not set. What is no list of conditions is refused later. Mutates. */
export function writeUnsetTimes(conditions: unknown): void {
  if (!Array.isArray(conditions)) return;
  for (const one of conditions as unknown[]) if (isJsonObject(one)) one.lastTransitionTime ??= null;
}
