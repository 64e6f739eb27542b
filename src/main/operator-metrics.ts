import { createServer } from 'node:http';
import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client';
import type { CallObservation } from '../kube/client/create.ts';
import type { ControllerOptions } from '../kube/controller/controller.ts';
import type { InformerEvent } from '../kube/informer/supervisor.ts';
import { type Listening, listenAt } from './listening.ts';

type Observer = NonNullable<ControllerOptions['observer']>;

/** The Prometheus metrics of an operator. */
export class OperatorMetrics {
  readonly registry = new Registry();
  readonly #calls = new Counter({
    name: 'coppice_operator_api_requests_total',
    help: 'Requests to the Kubernetes API; status 0 for no answer.',
    labelNames: ['method', 'resource', 'subresource', 'status'] as const,
    registers: [this.registry],
  });
  readonly #reconciles = new Counter({
    name: 'coppice_operator_reconciles_total',
    help: 'Reconciles by their outcome.',
    labelNames: ['controller', 'outcome'] as const,
    registers: [this.registry],
  });
  readonly #retries = new Counter({
    name: 'coppice_operator_retries_total',
    help: 'Keys added again after a failure.',
    labelNames: ['controller'] as const,
    registers: [this.registry],
  });
  readonly #depth = new Gauge({
    name: 'coppice_operator_queue_depth',
    help: 'Keys that wait for a worker.',
    labelNames: ['controller'] as const,
    registers: [this.registry],
  });
  readonly #seconds = new Histogram({
    name: 'coppice_operator_queue_seconds',
    help: 'How long keys waited for a worker, and how long the work took.',
    labelNames: ['controller', 'phase'] as const,
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60],
    registers: [this.registry],
  });
  readonly #watches = new Counter({
    name: 'coppice_operator_watch_events_total',
    help: 'Lists, watches, their ends and failures, by resource.',
    labelNames: ['resource', 'event'] as const,
    registers: [this.registry],
  });

  constructor(hosts: () => { readonly connected: number; readonly away: number }) {
    const gauge = new Gauge({
      name: 'coppice_operator_hosts',
      help: 'Hosts by whether their daemon is connected.',
      labelNames: ['state'] as const,
      registers: [this.registry],
      collect: () => {
        for (const [state, count] of Object.entries(hosts())) gauge.set({ state }, count);
      },
    });
  }

  call({ method, plural, subresource = '', status }: CallObservation): void {
    this.#calls.inc({ method, resource: plural, subresource, status: String(status) });
  }

  watch(resource: string, { type }: InformerEvent): void {
    this.#watches.inc({ resource, event: type });
  }

  observerOf(controller: string): Observer {
    return {
      depth: (keys) => this.#depth.set({ controller }, keys),
      waited: (ms) => this.#seconds.observe({ controller, phase: 'waiting' }, ms / 1000),
      worked: (ms) => this.#seconds.observe({ controller, phase: 'working' }, ms / 1000),
      retried: () => this.#retries.inc({ controller }),
      outcome: (outcome) => this.#reconciles.inc({ controller, outcome }),
    };
  }
}

/** For probes: a process that answers is alive; one that leads, or stands by for the leader, is ready. */
export interface Health {
  /** Why it is not ready; undefined when it is. */
  readonly obstacle: () => string | undefined;
  readonly metrics: OperatorMetrics;
}

/** Serves /healthz, /readyz and /metrics until it is closed. */
export async function serveHealth(
  listen: { readonly host: string; readonly port: number },
  { obstacle, metrics }: Health,
): Promise<Listening> {
  const server = createServer((request, response) => {
    const answer = (status: number, text: string, type = 'text/plain; charset=utf-8') =>
      response.writeHead(status, { 'content-type': type }).end(text);
    switch (new URL(request.url ?? '/', 'http://localhost').pathname) {
      case '/healthz':
        return answer(200, 'ok\n');
      case '/readyz': {
        const why = obstacle();
        return why === undefined ? answer(200, 'ok\n') : answer(503, `not ready: ${why}\n`);
      }
      case '/metrics':
        return void metrics.registry.metrics().then(
          (text) => answer(200, text, metrics.registry.contentType),
          (error: unknown) => answer(500, `${String(error)}\n`),
        );
      default:
        return answer(404, 'there are /healthz, /readyz and /metrics\n');
    }
  });
  return await listenAt(server, listen);
}
