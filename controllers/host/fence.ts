import { TransientError } from '../../src/kube/errors.ts';
import type { Daemon } from './daemon.ts';

/**
 * The same daemon, except that it is told nothing (TransientError) once `mayWrite` says no: a leader that was frozen while
 * another took over must not have made what the other has removed.
 */
export function fenceDaemon(daemon: Daemon, mayWrite: () => boolean): Daemon {
  const guarded = async <Answer>(call: () => Promise<Answer>): Promise<Answer> => {
    if (!mayWrite()) throw new TransientError('this is not the leader any more, so it may not change hosts');
    return await call();
  };
  return {
    getHost: (options) => daemon.getHost(options),
    listAppliances: (options) => daemon.listAppliances(options),
    events: (lastEventId, signal) => daemon.events(lastEventId, signal),
    close: () => daemon.close(),
    putAppliance: (desired, options) => guarded(() => daemon.putAppliance(desired, options)),
    deleteAppliance: (uuid, options) => guarded(() => daemon.deleteAppliance(uuid, options)),
    putLayer: (sha256, desired, options) => guarded(() => daemon.putLayer(sha256, desired, options)),
    deleteLayer: (sha256, options) => guarded(() => daemon.deleteLayer(sha256, options)),
  };
}
