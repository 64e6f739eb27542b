import type { KubeClient, WriteOptions } from '../client/client.ts';
import { TransientError } from './errors.ts';

/**
 * The same client, except that it refuses to write (TransientError) once `mayWrite` says no: a leader that was
 * frozen while another took over must not go on where it stopped. It is asked when a call begins, and again whenever it goes
 * out: one that waited for a connection, or for an overloaded server, while its process was frozen must not.
 */
export function fenceWrites(client: KubeClient, mayWrite: () => boolean): KubeClient {
  const beforeSend = () => {
    if (!mayWrite()) {
      throw new TransientError('this is not the leader any more, so it may not write');
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
