import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { DEFAULT_TIMINGS, type OperatorContext, type Timings } from '../../controllers/context.ts';
import { fenceDaemon } from '../../controllers/daemons/fence.ts';
import { LayerSharing } from '../../controllers/daemons/layer-sharing.ts';
import { HostLinks, type HostLinksOptions } from '../../controllers/daemons/links.ts';
import { isShared } from '../../controllers/daemons/shared-directories.ts';
import { HostViews } from '../../controllers/daemons/view.ts';
import { createControllers } from '../../controllers/index.ts';
import { BY_LAYER } from '../../controllers/indexes.ts';
import { CreationTimes } from '../../controllers/memory/creation-times.ts';
import { PlacementOutcomes } from '../../controllers/memory/placement-outcomes.ts';
import { FIELD_MANAGER } from '../api/labels.ts';
import { type Clock, sleep, systemClock } from '../base/clock.ts';
import type { KubeObject } from '../base/object.ts';
import { HostClient } from '../host/client.ts';
import { createApplier } from '../kube/client/apply.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { createKubeClient } from '../kube/client/create.ts';
import { runController } from '../kube/controller/controller.ts';
import { fenceWrites, type Tenure } from '../kube/controller/fence.ts';
import { runLeaderElection } from '../kube/election/lease.ts';
import { createEventRecorder } from '../kube/events/events.ts';
import type { Informer } from '../kube/informer/informer.ts';
import { AccessWatch } from './access-watch.ts';
import type { HostTls } from './host-authority.ts';
import {
  createHostCredentials,
  type HostCredentials,
  type HostCredentialsOptions,
} from './host-credentials.ts';
import { createCaches, NEEDED_KINDS } from './operator-caches.ts';
import { OperatorMetrics, serveHealth } from './operator-metrics.ts';
import { type StreamsConfig, serveStreams } from './operator-streams.ts';
import { OBJECT_NAMES } from './permissions.ts';
import { findObstacle } from './preflight.ts';

export interface OperatorConfig extends Pick<HostCredentialsOptions, 'hostTls' | 'enrolment'> {
  readonly kubeConfig: KubeConfig;
  /** Acts only while holding a Lease in that namespace, so that several replicas may run. */
  readonly leaderElection?: { readonly namespace: string };
  /** Serves the streams of appliances there. */
  readonly streams?: StreamsConfig;
  /** Serves /healthz, /readyz and /metrics there; port 0 takes a free one. */
  readonly metricsListen?: { readonly host: string; readonly port: number };
  readonly log: Logger;
  /** Ends the operator, as `close` does. */
  readonly signal: AbortSignal;
  /** Replaces some of the default timings: tests wait less. */
  readonly timings?: Partial<Timings>;
  /** The clock of all pauses and limits, those of leases included; by default the machine's own. */
  readonly clock?: Clock;
}

/** A running operator. */
export interface Operator {
  /** Where /metrics and the probes are, if asked for. */
  readonly metricsUrl?: string;
  /** Where streams are, as soon as they are served. */
  readonly streamsUrl: string | undefined;
  /** Finishes current reconciles, gives up the Lease and ends all connections. VMs keep running. */
  close(): Promise<void>;
}

/** How long to wait before looking for obstacles again, or starting over after a failure. */
const RETRY_MS = 1000;

/** Without an election nobody else leads. */
const UNCONTESTED: Tenure = { isLeader: () => true, lost: new AbortController().signal };

/** Starts the operator, and resolves when it runs. Later failures are logged, and the operator starts over. */
export async function runOperator(config: OperatorConfig): Promise<Operator> {
  const { kubeConfig, log, clock = systemClock } = config;
  const stop = new AbortController();
  const signal = AbortSignal.any([config.signal, stop.signal]);
  const views = new HostViews();
  const metrics = new OperatorMetrics(() => countHosts(views));
  const client = createKubeClient(kubeConfig, {
    log,
    userAgent: FIELD_MANAGER,
    observe: (call) => metrics.call(call),
    clock,
  });
  const state: State = { obstacle: 'the API server has not answered yet' };
  const health =
    config.metricsListen &&
    (await serveHealth(config.metricsListen, { obstacle: () => state.obstacle, metrics }));
  const credentials = createHostCredentials({ ...config, client, clock });
  const program: Program = { config, client, clock, credentials, views, metrics, state };
  const ended = keepRunning(program, signal);
  const streams = config.streams && serveStreams({ ...config.streams, client, credentials, clock, log });
  return {
    ...(health === undefined ? {} : { metricsUrl: health.url }),
    get streamsUrl() {
      return streams?.url;
    },
    close: async () => {
      stop.abort(new Error('the operator is being closed'));
      await ended;
      await streams?.close();
      await credentials.close();
      await health?.close();
      await client.close();
    },
  };
}

interface Program {
  readonly config: OperatorConfig;
  readonly clock: Clock;
  readonly client: KubeClient;
  readonly credentials: HostCredentials;
  readonly views: HostViews;
  readonly metrics: OperatorMetrics;
  readonly state: State;
}

interface State {
  /** Why the operator can neither lead nor stand by; undefined when it can. */
  obstacle: string | undefined;
}

/** Leads; when leadership is lost or an unforeseen failure ends it, starts over with nothing in memory. */
async function keepRunning(program: Program, signal: AbortSignal): Promise<void> {
  const { config, client, clock, state } = program;
  const { log, leaderElection } = config;
  while (!signal.aborted) {
    try {
      await untilUsable(program, signal);
      if (leaderElection === undefined) {
        await lead(program, UNCONTESTED, signal);
        continue;
      }
      const identity = `${hostname()}-${randomUUID()}`;
      const { namespace } = leaderElection;
      const environment = { clock, random: Math.random, log };
      const election = { ...environment, client, namespace, name: OBJECT_NAMES.lease, identity };
      await runLeaderElection(
        {
          ...election,
          lead: (leadership) => lead(program, leadership, leadership.signal),
        },
        signal,
      );
    } catch (error) {
      if (signal.aborted) return;
      state.obstacle = error instanceof Error ? error.message : String(error);
      log.error({ err: error }, 'the operator failed and starts over');
    }
    // Only the signal ends the sleep early, and the loop sees it.
    await sleep(clock, RETRY_MS, signal).catch(() => undefined);
  }
}

/** Resolves when there is no obstacle any more. Until then it looks once a second, and reports what it finds. */
async function untilUsable(program: Program, signal: AbortSignal): Promise<void> {
  for (;;) {
    const found = (await findApiObstacle(program, signal)) ?? (await findTlsObstacle(program, signal));
    report(program, found);
    if (found === undefined) return;
    await sleep(program.clock, RETRY_MS, signal);
  }
}

async function findApiObstacle(
  { client, config }: Program,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { kubeConfig, leaderElection, hostTls, enrolment, streams } = config;
  const needs = {
    server: kubeConfig.getCurrentCluster()?.server ?? 'no address',
    kinds: NEEDED_KINDS,
    leaseNamespace: leaderElection?.namespace,
    authority: 'secret' in hostTls ? hostTls.secret : undefined,
    enrolment: enrolment !== undefined,
    streams: streams !== undefined,
  };
  return await findObstacle(client, needs, signal);
}

/** Makes the obstacle known to readiness probes, and logs it once. */
function report({ config, state }: Program, obstacle: string | undefined): void {
  if (obstacle !== undefined && obstacle !== state.obstacle) config.log.warn(obstacle);
  state.obstacle = obstacle;
}

/** Why there are no certificates for calls to hosts. */
async function findTlsObstacle({ credentials }: Program, signal: AbortSignal): Promise<string | undefined> {
  try {
    await credentials.obtain(signal);
    return undefined;
  } catch (error) {
    if (signal.aborted) throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

/** Runs the controllers for one term of leadership. Everything is built again for each term, so that no old state is used. */
async function lead(program: Program, tenure: Tenure, signal: AbortSignal): Promise<void> {
  // The authority may have changed while this replica stood by.
  const hostTls = await program.credentials.obtain(signal);
  const ended = new AbortController();
  const term = AbortSignal.any([signal, ended.signal]);
  const access = new AccessWatch({
    findObstacle: () => findApiObstacle(program, term),
    report: (obstacle) => {
      if (!term.aborted) report(program, obstacle);
    },
  });
  const context = createContext(program, hostTls, tenure, access);
  const { caches, clock, links, log, random, recorder } = context;
  const informers: readonly Pick<Informer<KubeObject>, 'run'>[] = Object.values(caches);
  const following = informers.map((informer) => informer.run(term));
  const controlling = createControllers(context).map((controller) => {
    const observer = program.metrics.observerOf(controller.name);
    return runController({ ...controller, log, clock, random, observer }, term);
  });
  try {
    await Promise.all(controlling);
  } finally {
    ended.abort(new Error('the term is over'));
    await Promise.allSettled([...controlling, ...following]);
    await links.closeAll();
    await recorder.flush();
  }
}

function createContext(
  program: Program,
  hostTls: HostTls,
  tenure: Tenure,
  access: AccessWatch,
): OperatorContext {
  const { clock, config, views } = program;
  const { log } = config;
  const client = fenceWrites(program.client, tenure);
  const environment = { clock, random: Math.random, log };
  const reporter = { component: FIELD_MANAGER, instance: hostname() };
  const links = new HostLinks({ ...environment, views, connect: connectTo(hostTls, tenure) });
  const caches = createCaches({ client: program.client, clock, log, metrics: program.metrics, access });
  const groupOf = (host: string) => caches.hosts.get(host)?.spec.group;
  return {
    ...environment,
    client,
    applier: createApplier(client, FIELD_MANAGER),
    recorder: createEventRecorder({ ...reporter, ...environment, client }),
    caches,
    views,
    links,
    sharing: new LayerSharing(views, links, groupOf, (identity) =>
      caches.templates.byIndex(BY_LAYER, identity).some(isShared),
    ),
    outcomes: new PlacementOutcomes(),
    times: new CreationTimes(),
    timings: { ...DEFAULT_TIMINGS, ...config.timings },
  };
}

function connectTo(hostTls: HostTls, tenure: Tenure): HostLinksOptions['connect'] {
  return (hostName, url) => fenceDaemon(new HostClient({ hostName, url, ...hostTls }), tenure);
}

function countHosts(views: HostViews): { connected: number; away: number } {
  const list = views.list();
  const connected = list.filter(({ link }) => link.state === 'connected').length;
  return { connected, away: list.length - connected };
}
