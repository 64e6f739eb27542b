import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { uidOf } from '../objects/appliance.ts';

/**
 * Appliances that were written, and that the cache still shows as they were before: by uid, the version that the write named. The
 * write succeeds only for that version, so the first other version in the cache is the result of the write. Without this, a
 * rolling change would take down one more appliance with each reconcile that runs before the watch catches up.
 */
export class UnobservedWrites {
  readonly #versions = new Map<string, string | undefined>();

  /** This version of the appliance was changed or deleted. */
  add(appliance: VirtualAppliance): void {
    this.#versions.set(uidOf(appliance), appliance.metadata.resourceVersion);
  }

  /** Whether the cached appliance is older than a write. */
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
