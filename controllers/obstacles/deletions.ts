import type { KubeObject } from '../../src/base/object.ts';
import { type Obstacle, waiting } from './obstacle.ts';
import { REASON } from './reasons.ts';

/** With these the API server itself waits for what an object owns, or lets go of it. */
const OF_GARBAGE_COLLECTION: ReadonlySet<string> = new Set(['foregroundDeletion', 'orphan']);
const OURS = 'coppice.dev/';

/** The finalizers of other programs: they keep a deleted object after Coppice is done with it. */
export function otherFinalizers({ metadata }: KubeObject): string[] {
  return (metadata.finalizers ?? []).filter(
    (one) => !one.startsWith(OURS) && !OF_GARBAGE_COLLECTION.has(one),
  );
}

/** Whether other programs keep the deleted object. */
export function isHeld(object: KubeObject): boolean {
  return otherFinalizers(object).length > 0;
}

/** What keeps a deleted object that Coppice is done with. */
export function heldObstacle(object: KubeObject): Obstacle {
  return waiting(
    REASON.Deleting,
    `it is gone as soon as other programs remove their finalizers: ${otherFinalizers(object).join(', ')}`,
  );
}
