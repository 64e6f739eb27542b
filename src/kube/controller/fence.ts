import type { KubeClient, WriteOptions } from '../client/client.ts';
import { TransientError } from './errors.ts';

/**
 * The same client, except that writes fail with a TransientError when `mayWrite` returns false: a leader that was frozen while
 * another one took over must not continue where it stopped. `mayWrite` is called when a write begins, and again each time its
 * request is sent, since the process may be frozen while a write waits for a connection or for an overloaded server.
 */
export function fenceWrites(client: KubeClient, mayWrite: () => boolean): KubeClient {
  const beforeSend = () => {
    if (!mayWrite()) {
      throw new TransientError('this replica is not the leader any more, so it may not write');
    }
  };
  const guarded = async <Options extends WriteOptions, Result>(
    write: (options: Options & WriteOptions) => Promise<Result>,
    options: Options,
  ): Promise<Result> => {
    beforeSend();
    return await write({ ...options, beforeSend });
  };
  return {
    ...client,
    create: (ref, object, options = {}) => guarded((fenced) => client.create(ref, object, fenced), options),
    replace: (ref, object, options = {}) => guarded((fenced) => client.replace(ref, object, fenced), options),
    delete: (ref, name, options = {}) => guarded((fenced) => client.delete(ref, name, fenced), options),
    patch: (ref, name, patch, options = {}) =>
      guarded((fenced) => client.patch(ref, name, patch, fenced), options),
    apply: (ref, object, options) => guarded((fenced) => client.apply(ref, object, fenced), options),
    applyStatus: (ref, object, options) =>
      guarded((fenced) => client.applyStatus(ref, object, fenced), options),
  };
}
