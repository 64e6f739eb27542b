import type { Logger } from 'pino';
import type {
  Host,
  IPLease,
  IPPool,
  ServiceDeployment,
  Template,
  VirtualAppliance,
} from '../src/api/kinds.ts';
import { controllerOf, type KubeObject, keyOf, type ResourceRef } from '../src/api/object.ts';
import type { Clock, Random } from '../src/base/clock.ts';
import type { Applier } from '../src/kube/client/apply.ts';
import type { KubeClient } from '../src/kube/client/client.ts';
import type { EventRecorder } from '../src/kube/events/events.ts';
import type { Informer } from '../src/kube/informer/informer.ts';
import type { IndexFunction } from '../src/kube/informer/store.ts';
import type { HostLinks } from './daemons/links.ts';
import type { HostViews } from './daemons/view.ts';
import type { CreationTimes } from './memory/creation-times.ts';
import type { PlacementOutcomes } from './memory/placement-outcomes.ts';
import { awaitedPoolKey, poolKeyOf } from './objects/pool-references.ts';
import { digestsOf } from './objects/template-layers.ts';
import { parentKey, templateKeyOf } from './objects/template-references.ts';
import { isPending } from './placement/snapshot.ts';
import type { Pace } from './status/write-pacer.ts';
import type { ConfigMap } from './virtualappliance/package.ts';

/** How patient the operator is, in milliseconds. */
export interface Patience {
  /** A host that is silent for longer is not ready. */
  readonly hostGraceMs: number;
  /** The first status of an appliance that its task made: the first steps are in it, too. */
  readonly firstPace: Pace;
  /** An appliance's state; the states behind each other within it cost one write. */
  readonly appliancePace: Pace;
  /** Steps of an appliance, which are of interest only where one takes long. */
  readonly stepPace: Pace;
  /** Numbers of a task, a template or a pool, counts of a host. */
  readonly deploymentPace: Pace;
  readonly templatePace: Pace;
  readonly poolPace: Pace;
  readonly hostPace: Pace;
  /** Mere measurements of a host. */
  readonly measurementPace: Pace;
}

export const PATIENCE: Patience = {
  hostGraceMs: 15_000,
  firstPace: { settleMs: 1000, maxMs: 2000 },
  appliancePace: { settleMs: 5000, maxMs: 10_000 },
  stepPace: { settleMs: 60_000, maxMs: 60_000 },
  deploymentPace: { settleMs: 500, maxMs: 3000 },
  templatePace: { settleMs: 1000, maxMs: 5000 },
  poolPace: { settleMs: 500, maxMs: 3000 },
  hostPace: { settleMs: 2000, maxMs: 10_000 },
  measurementPace: { settleMs: 60_000, maxMs: 60_000 },
};

export interface Caches {
  readonly hosts: Informer<Host>;
  readonly templates: Informer<Template>;
  readonly deployments: Informer<ServiceDeployment>;
  readonly appliances: Informer<VirtualAppliance>;
  /** Which there are, not what is in them. */
  readonly configMaps: Informer<KubeObject>;
  readonly pools: Informer<IPPool>;
  readonly leases: Informer<IPLease>;
}

/** What every controller is given. Whatever of it is kept in memory only can be lost at any moment. */
export interface OperatorContext {
  readonly client: KubeClient;
  readonly applier: Applier;
  readonly recorder: EventRecorder;
  readonly caches: Caches;
  /** What the hosts last said, and the way to speak to them. */
  readonly views: HostViews;
  readonly links: HostLinks;
  readonly outcomes: PlacementOutcomes;
  readonly times: CreationTimes;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly patience: Patience;
}

export const CONFIG_MAPS: ResourceRef<ConfigMap> = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
};

/** The names of the caches' indexes. */
export const BY_HOST = 'host';
export const BY_UID = 'uid';
export const BY_OWNER = 'owner';
export const BY_PENDING = 'pending';
/** The only value in that index. */
export const PENDING = 'true';
export const BY_TEMPLATE = 'template';
export const BY_CONFIG_MAP = 'configMap';
export const BY_PARENT = 'parent';
export const BY_DIGEST = 'digest';
export const BY_POOL = 'pool';
export const BY_APPLIANCE = 'appliance';

/**
 * By which the appliances are looked up: bound host, waiting for one, uid, controlling task, template, ConfigMap, pool that they
 * wait for an address of.
 */
export const APPLIANCE_INDEXES: Readonly<Record<string, IndexFunction<VirtualAppliance>>> = {
  [BY_HOST]: ({ spec }) => one(spec.hostName),
  [BY_UID]: ({ metadata }) => one(metadata.uid),
  [BY_OWNER]: (appliance) => {
    const owner = controllerOf(appliance);
    return owner === undefined ? [] : [ownerKey(appliance.metadata.namespace, owner.uid)];
  },
  [BY_PENDING]: (appliance) => (isPending(appliance) ? [PENDING] : []),
  [BY_TEMPLATE]: (appliance) => [templateKeyOf(appliance)],
  [BY_CONFIG_MAP]: ({ metadata, spec }) => {
    const name = spec.package?.configMap?.name;
    return name === undefined ? [] : [keyOf({ namespace: metadata.namespace, name })];
  },
  [BY_POOL]: (appliance) => one(awaitedPoolKey(appliance)),
};

/** By which the leases are looked up: uid of the appliance, pool, host of the appliance. */
export const LEASE_INDEXES: Readonly<Record<string, IndexFunction<IPLease>>> = {
  [BY_APPLIANCE]: ({ spec }) => [spec.appliance.uid],
  [BY_POOL]: (lease) => [poolKeyOf(lease)],
  [BY_HOST]: ({ spec }) => [spec.hostName],
};

/** By which the templates are looked up: parent, digests of their files. */
export const TEMPLATE_INDEXES: Readonly<Record<string, IndexFunction<Template>>> = {
  [BY_PARENT]: (template) => one(parentKey(template) ?? undefined),
  [BY_DIGEST]: digestsOf,
};

/** Owners are of the same namespace: whoever names one in another is not believed, or they could pose as its appliances. */
export function ownerKey(namespace: string | undefined, ownerUid: string): string {
  return `${namespace}/${ownerUid}`;
}

function one(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value];
}
