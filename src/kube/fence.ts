import type { KubeClient } from './client.ts';
import { TransientError } from './errors.ts';

/**
 * The same client, except that it refuses to write (TransientError) once `mayWrite` says no: a leader that was
 * frozen while another took over must not go on where it stopped.
 */
export function fenceWrites(client: KubeClient, mayWrite: () => boolean): KubeClient {
  const guarded = async <Result>(write: () => Promise<Result>): Promise<Result> => {
    if (!mayWrite()) {
      throw new TransientError('this is not the leader any more, so it may not write');
    }
    return await write();
  };
  return {
    ...client,
    create: (...args) => guarded(() => client.create(...args)),
    replace: (...args) => guarded(() => client.replace(...args)),
    delete: (...args) => guarded(() => client.delete(...args)),
    patch: (...args) => guarded(() => client.patch(...args)),
    apply: (...args) => guarded(() => client.apply(...args)),
    applyStatus: (...args) => guarded(() => client.applyStatus(...args)),
  };
}
