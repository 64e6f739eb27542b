import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { uidOf } from '../objects/appliance.ts';

/**
 * Appliances that were written and that the cache still shows as they were: by uid, the version that the write named. Every such
 * write names its version, so the first other version in the cache is the one it made. Without this a rolling change would take
 * one appliance more away for each reconcile that comes before the watch does.
 */
export class Flux {
  readonly #versions = new Map<string, string | undefined>();

  /** This very version of the appliance was changed or deleted. */
  note(appliance: VirtualAppliance): void {
    this.#versions.set(uidOf(appliance), appliance.metadata.resourceVersion);
  }

  has(appliance: VirtualAppliance): boolean {
    const uid = uidOf(appliance);
    if (!this.#versions.has(uid)) return false;
    if (this.#versions.get(uid) === appliance.metadata.resourceVersion) return true;
    this.#versions.delete(uid);
    return false;
  }

  /** The appliance is gone. */
  forget(appliance: VirtualAppliance): void {
    this.#versions.delete(uidOf(appliance));
  }
}
