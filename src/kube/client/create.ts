import type { KubeConfig } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { type Clock, systemClock } from '../../base/clock.ts';
import { ApiError } from '../api-error.ts';
import { resourcePath } from '../http/paths.ts';
import { type ApiRequest, sendRequest } from '../http/request.ts';
import { createTransport } from '../http/transport.ts';
import { watchStream } from '../http/watch.ts';
import type { KubeClient } from './client.ts';
import { applyVerbs, type Caller, METADATA, readVerbs, writeVerbs } from './verbs.ts';

/** One finished call, for metrics. */
export interface CallObservation {
  readonly method: ApiRequest['method'];
  readonly plural: string;
  readonly subresource?: string;
  /** HTTP status; 200 for success, 0 for no answer. */
  readonly status: number;
  readonly durationMs: number;
}

export interface KubeClientOptions {
  readonly log: Logger;
  readonly clock?: Clock;
  /** Default deadline of a call, in milliseconds. */
  readonly timeoutMs?: number;
  readonly userAgent?: string;
  readonly observe?: (call: CallObservation) => void;
}

/** A client for the current context of `kubeConfig`. The caller must close it. */
export function createKubeClient(kubeConfig: KubeConfig, options: KubeClientOptions): KubeClient {
  const clock = options.clock ?? systemClock;
  const transport = createTransport(kubeConfig, clock, options.userAgent ?? 'coppice', (reason) =>
    options.log.warn({ err: reason }, 'the connections to the API server were dead; new ones are opened'),
  );
  const onWarning = warnOnce(options.log);
  const call: Caller = async (method, ref, { options: callOptions, subresource, ...rest }) => {
    const startedAt = clock.monotonic();
    const timeoutMs = callOptions?.timeoutMs ?? options.timeoutMs ?? 30_000;
    const { signal, beforeSend } = callOptions ?? {};
    let status = 200;
    try {
      return await sendRequest(
        { transport, clock, onWarning },
        { method, timeoutMs, signal, beforeSend, ...rest },
      );
    } catch (error) {
      status = error instanceof ApiError ? error.status : 0;
      throw error;
    } finally {
      const durationMs = clock.monotonic() - startedAt;
      options.observe?.({ method, plural: ref?.plural ?? rest.path, subresource, status, durationMs });
    }
  };
  return {
    ...readVerbs(call),
    ...writeVerbs(call),
    ...applyVerbs(call),
    watch: (ref, { namespace, idleMs, metadataOnly, signal, ...query }) => {
      const path = resourcePath(ref, { namespace }, { watch: true, allowWatchBookmarks: true, ...query });
      const accept = metadataOnly === true ? METADATA : undefined;
      return watchStream(transport, clock, { what: `watch ${ref.plural}`, path, accept, idleMs, signal });
    },
    close: () => transport.close(),
  };
}

/** Logs each warning of the server once: servers repeat them with every request. */
function warnOnce(log: Logger): (warning: string) => void {
  const seen = new Set<string>();
  return (warning) => {
    if (!seen.has(warning) && seen.size < 1000) {
      seen.add(warning);
      log.warn({ warning }, 'the API server warns');
    }
  };
}
