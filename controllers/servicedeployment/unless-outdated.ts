import { isConflict, isNotFound } from '../../src/kube/api-error.ts';

/** On a conflict another writer was faster: the cache will show its change, and that reconciles the task again. */
export async function unlessOutdated(call: Promise<unknown>, onDone: () => void): Promise<void> {
  try {
    await call;
    onDone();
  } catch (error) {
    if (!isConflict(error) && !isNotFound(error)) throw error;
  }
}
