import { setImmediate } from 'node:timers/promises';
import type { StoredObject } from '../storage/store.ts';

/** How much is done before others have their turn, in characters of JSON: some 20 ms. */
const TURN = 256 * 1024;

/** Does something with each object, and lets other requests be answered between two of them. */
export async function inTurns(
  objects: readonly StoredObject[],
  work: (stored: StoredObject) => void,
): Promise<void> {
  let done = 0;
  for (const stored of objects) {
    work(stored);
    done += stored.json.length;
    if (done < TURN) continue;
    await setImmediate();
    done = 0;
  }
}
