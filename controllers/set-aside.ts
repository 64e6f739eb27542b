import type { Logger } from 'pino';
import { type KubeObject, keyOf } from '../src/base/object.ts';

/**
 * Maps many objects, and leaves out the one for which `work` throws: it must not keep the others waiting. What is wrong with an
 * object that a user can correct is no error here: its own controller says so in its conditions.
 */
export function mapSettingAside<T extends KubeObject, Result>(
  objects: readonly T[],
  log: Pick<Logger, 'error'>,
  work: (object: T) => Result,
): { readonly object: T; readonly result: Result }[] {
  return objects.flatMap((object) => {
    try {
      return [{ object, result: work(object) }];
    } catch (error) {
      log.error({ err: error, object: keyOf(object) }, 'set aside, so that the others go on');
      return [];
    }
  });
}
