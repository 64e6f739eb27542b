import { isDeepStrictEqual } from 'node:util';
import { VM_FIELDS } from '../../domain/vm-shape.ts';
import type { DesiredAppliance } from '../../host/protocol.ts';
import { hostErrors } from '../errors/index.ts';

/** Its VM's domain and folder have their names from the first two; another shape would need another disk or another VM. */
const FIXED = ['namespace', 'name', ...VM_FIELDS] as const;

/** Throws unless `next` may take the place of `known`: no older generation, nothing of what it is made of. */
export function checkChange(known: DesiredAppliance, next: DesiredAppliance): void {
  if (next.generation < known.generation) {
    throw hostErrors.olderGeneration(known.uuid, known.generation, next.generation);
  }
  const changed = FIXED.find((field) => !isDeepStrictEqual(known[field], next[field]));
  if (changed !== undefined) throw hostErrors.immutable(known.uuid, changed);
}
