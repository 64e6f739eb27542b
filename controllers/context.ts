import type { Logger } from 'pino';
import type {
  Host,
  IPLease,
  IPPool,
  ServiceDeployment,
  Template,
  TemplateFollow,
  TemplateLabel,
  VirtualAppliance,
} from '../src/api/kinds.ts';
import type { Clock, Random } from '../src/base/clock.ts';
import type { KubeObject } from '../src/base/object.ts';
import type { Applier } from '../src/kube/client/apply.ts';
import type { KubeClient } from '../src/kube/client/client.ts';
import type { EventRecorder } from '../src/kube/events/events.ts';
import type { Informer } from '../src/kube/informer/informer.ts';
import type { LayerSharing } from './daemons/layer-sharing.ts';
import type { HostLinks } from './daemons/links.ts';
import type { HostViews } from './daemons/view.ts';
import type { CreationTimes } from './memory/creation-times.ts';
import type { PlacementOutcomes } from './memory/placement-outcomes.ts';
import type { Debounce } from './status/write-debouncer.ts';

/** How long the operator waits, in milliseconds. */
export interface Timings {
  /** A host that has been silent for longer is not ready. */
  readonly hostGraceMs: number;
  /** A layer that nothing on a host needs is deleted there after that time. */
  readonly layerGraceMs: number;
  /** The first status of an appliance of a task: it contains the first steps already. */
  readonly firstStatus: Debounce;
  /** An appliance's state; states that follow each other within this time cost one write. */
  readonly applianceStatus: Debounce;
  /** The steps of an appliance, which matter to people only when one takes long. */
  readonly applianceSteps: Debounce;
  /** Counts in the status of a task, a template, a pool or a host. */
  readonly deploymentStatus: Debounce;
  readonly templateStatus: Debounce;
  readonly poolStatus: Debounce;
  readonly hostStatus: Debounce;
  /** What a host measured: CPU, memory and disk in use. */
  readonly hostMeasurements: Debounce;
}

export const DEFAULT_TIMINGS: Timings = {
  hostGraceMs: 15_000,
  layerGraceMs: 60 * 60_000,
  firstStatus: { settleMs: 1000, maxMs: 2000 },
  applianceStatus: { settleMs: 5000, maxMs: 10_000 },
  applianceSteps: { settleMs: 60_000, maxMs: 60_000 },
  deploymentStatus: { settleMs: 500, maxMs: 3000 },
  templateStatus: { settleMs: 1000, maxMs: 5000 },
  poolStatus: { settleMs: 500, maxMs: 3000 },
  hostStatus: { settleMs: 2000, maxMs: 10_000 },
  hostMeasurements: { settleMs: 60_000, maxMs: 60_000 },
};

export interface Caches {
  readonly hosts: Informer<Host>;
  readonly templates: Informer<Template>;
  readonly labels: Informer<TemplateLabel>;
  readonly follows: Informer<TemplateFollow>;
  readonly deployments: Informer<ServiceDeployment>;
  readonly appliances: Informer<VirtualAppliance>;
  /** Metadata only: the contents are read from the API server when a host needs them. */
  readonly configMaps: Informer<KubeObject>;
  readonly pools: Informer<IPPool>;
  readonly leases: Informer<IPLease>;
}

/** What every controller receives. Anything in it that exists only in memory may be lost at any moment. */
export interface OperatorContext {
  readonly client: KubeClient;
  readonly applier: Applier;
  readonly recorder: EventRecorder;
  readonly caches: Caches;
  /** What the hosts last reported, and the clients of their daemons. */
  readonly views: HostViews;
  readonly links: HostLinks;
  readonly sharing: LayerSharing;
  readonly outcomes: PlacementOutcomes;
  readonly times: CreationTimes;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly timings: Timings;
}
