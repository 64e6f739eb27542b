import type { KubeClient, WriteOptions } from '../client/client.ts';
import { TransientError } from './errors.ts';

/** The leadership under which a fence lets writes pass. */
export interface Tenure {
  /** Whether this replica leads right now. */
  isLeader(): boolean;
  /** Fires when leadership is lost. */
  readonly lost: AbortSignal;
}

/**
 * The same client, except that writes fail with a TransientError once this replica does not lead: a leader that was frozen while
 * another one took over must not continue where it stopped. That is asked when a write begins, and again each time its request is
 * sent, since the process may be frozen while a write waits for a connection or for an overloaded server. When leadership is lost,
 * writes under way end: on a network that stands still, they would reach the server when it moves again.
 */
export function fenceWrites(client: KubeClient, { isLeader, lost }: Tenure): KubeClient {
  const beforeSend = () => {
    if (!isLeader()) {
      throw new TransientError('this replica is not the leader any more, so it may not write');
    }
  };
  const guarded = async <Options extends WriteOptions, Result>(
    write: (options: Options & WriteOptions) => Promise<Result>,
    options: Options,
  ): Promise<Result> => {
    beforeSend();
    const signal = options.signal === undefined ? lost : AbortSignal.any([options.signal, lost]);
    return await write({ ...options, signal, beforeSend });
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
