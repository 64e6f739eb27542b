import type { CallOptions } from '../../src/host/client.ts';
import { TransientError } from '../../src/kube/controller/errors.ts';
import type { Tenure } from '../../src/kube/controller/fence.ts';
import type { Daemon } from './daemon.ts';

/**
 * The same daemon, except that changes fail (TransientError) once this replica does not lead: a leader whose process was frozen while
 * another one took over must not create again what the other one removed. The check runs when a call begins, and again just before
 * the request is sent: the process may have been frozen while the call waited for a connection. When leadership is lost, calls
 * under way end.
 */
export function fenceDaemon(daemon: Daemon, { isLeader, lost }: Tenure): Daemon {
  const beforeSend = () => {
    if (!isLeader())
      throw new TransientError('this operator is no longer the leader, so it may not change hosts');
  };
  const guarded = async <Answer>(
    call: (options: CallOptions) => Promise<Answer>,
    options: CallOptions = {},
  ): Promise<Answer> => {
    beforeSend();
    const signal = options.signal === undefined ? lost : AbortSignal.any([options.signal, lost]);
    return await call({ ...options, signal, beforeSend });
  };
  return {
    getHost: (options) => daemon.getHost(options),
    listAppliances: (options) => daemon.listAppliances(options),
    events: (lastEventId, signal) => daemon.events(lastEventId, signal),
    close: () => daemon.close(),
    putAppliance: (desired, options) => guarded((fenced) => daemon.putAppliance(desired, fenced), options),
    deleteAppliance: (uuid, options) => guarded((fenced) => daemon.deleteAppliance(uuid, fenced), options),
    putImport: (sha256, desired, options) =>
      guarded((fenced) => daemon.putImport(sha256, desired, fenced), options),
    deleteImport: (key, options) => guarded((fenced) => daemon.deleteImport(key, fenced), options),
    putLayer: (identity, desired, options) =>
      guarded((fenced) => daemon.putLayer(identity, desired, fenced), options),
    deleteLayer: (identity, options) => guarded((fenced) => daemon.deleteLayer(identity, fenced), options),
    verifyLayer: (identity, request, options) =>
      guarded((fenced) => daemon.verifyLayer(identity, request, fenced), options),
    putSeal: (uuid, desired, options) => guarded((fenced) => daemon.putSeal(uuid, desired, fenced), options),
    deleteSeal: (uuid, options) => guarded((fenced) => daemon.deleteSeal(uuid, fenced), options),
  };
}
