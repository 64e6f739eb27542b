import { isDeepStrictEqual } from 'node:util';
import type { DesiredAppliance } from '../../host/protocol.ts';
import { hostErrors } from '../errors/index.ts';

/** What an appliance is made of: to change it would need another disk or another VM. */
const FIXED = ['namespace', 'name', 'layer', 'boot', 'xen', 'disk', 'resources', 'network'] as const;

/** Throws unless `next` may take the place of `known`: no older generation, nothing of what it is made of. */
export function checkChange(known: DesiredAppliance, next: DesiredAppliance): void {
  if (next.generation < known.generation) {
    throw hostErrors.olderGeneration(known.uuid, known.generation, next.generation);
  }
  const changed = FIXED.find((field) => !isDeepStrictEqual(known[field], next[field]));
  if (changed !== undefined) throw hostErrors.immutable(known.uuid, changed);
}
