import type { CallOptions } from '../../src/host/client.ts';
import { TransientError } from '../../src/kube/controller/errors.ts';
import type { Daemon } from './daemon.ts';

/**
 * The same daemon, except that it is told nothing (TransientError) once `mayWrite` says no: a leader that was frozen while
 * another took over must not have made what the other has removed. It is asked when a call begins, and again when it goes out:
 * one that waited for a connection while its process was frozen must not.
 */
export function fenceDaemon(daemon: Daemon, mayWrite: () => boolean): Daemon {
  const beforeSend = () => {
    if (!mayWrite()) throw new TransientError('this is not the leader any more, so it may not change hosts');
  };
  const guarded = async <Answer>(
    call: (options: CallOptions) => Promise<Answer>,
    options: CallOptions = {},
  ): Promise<Answer> => {
    beforeSend();
    return await call({ ...options, beforeSend });
  };
  return {
    getHost: (options) => daemon.getHost(options),
    listAppliances: (options) => daemon.listAppliances(options),
    events: (lastEventId, signal) => daemon.events(lastEventId, signal),
    close: () => daemon.close(),
    putAppliance: (desired, options) => guarded((fenced) => daemon.putAppliance(desired, fenced), options),
    deleteAppliance: (uuid, options) => guarded((fenced) => daemon.deleteAppliance(uuid, fenced), options),
    putLayer: (sha256, desired, options) =>
      guarded((fenced) => daemon.putLayer(sha256, desired, fenced), options),
    deleteLayer: (sha256, options) => guarded((fenced) => daemon.deleteLayer(sha256, fenced), options),
  };
}
