import type { Logger } from 'pino';
import type { Caches } from '../../controllers/context.ts';
import {
  APPLIANCE_INDEXES,
  CONFIG_MAP_INDEXES,
  DEPLOYMENT_INDEXES,
  FOLLOW_INDEXES,
  LEASE_INDEXES,
  TEMPLATE_INDEXES,
} from '../../controllers/indexes.ts';
import {
  CONFIG_MAPS,
  HOSTS,
  IP_LEASES,
  IP_POOLS,
  SERVICE_DEPLOYMENTS,
  TEMPLATE_FOLLOWS,
  TEMPLATE_LABELS,
  TEMPLATES,
  VIRTUAL_APPLIANCES,
} from '../api/kinds.ts';
import type { Clock } from '../base/clock.ts';
import type { KubeObject, ResourceRef } from '../base/object.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { createInformer, type InformerOptions } from '../kube/informer/informer.ts';
import { createMetadataInformer } from '../kube/informer/metadata-informer.ts';
import type { IndexFunction } from '../kube/informer/store.ts';
import type { AccessWatch } from './access-watch.ts';
import type { OperatorMetrics } from './operator-metrics.ts';

interface CachesOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: OperatorMetrics;
  /** Hears of each watch. */
  readonly access: AccessWatch;
}

/** Kinds of ours without which the operator does not begin. */
export const NEEDED_KINDS: readonly ResourceRef[] = [
  HOSTS,
  TEMPLATES,
  TEMPLATE_LABELS,
  TEMPLATE_FOLLOWS,
  SERVICE_DEPLOYMENTS,
  VIRTUAL_APPLIANCES,
  IP_POOLS,
  IP_LEASES,
];

/** One cache for each kind that the controllers watch. Nothing is read before they are run. */
export function createCaches({ client, clock, log, metrics, access }: CachesOptions): Caches {
  const optionsOf = <T extends KubeObject>(ref: ResourceRef<T>): InformerOptions<T> => ({
    client,
    ref,
    clock,
    random: Math.random,
    log,
    observe: (event) => {
      metrics.watch(ref.plural, event);
      access.observe(ref.plural, event);
    },
  });
  const cache = <T extends KubeObject>(
    ref: ResourceRef<T>,
    indexes?: Readonly<Record<string, IndexFunction<T>>>,
  ) => createInformer({ ...optionsOf(ref), indexes });
  return {
    hosts: cache(HOSTS),
    templates: cache(TEMPLATES, TEMPLATE_INDEXES),
    labels: cache(TEMPLATE_LABELS),
    follows: cache(TEMPLATE_FOLLOWS, FOLLOW_INDEXES),
    deployments: cache(SERVICE_DEPLOYMENTS, DEPLOYMENT_INDEXES),
    appliances: cache(VIRTUAL_APPLIANCES, APPLIANCE_INDEXES),
    configMaps: createMetadataInformer({
      ...optionsOf<KubeObject>(CONFIG_MAPS),
      indexes: CONFIG_MAP_INDEXES,
    }),
    pools: cache(IP_POOLS),
    leases: cache(IP_LEASES, LEASE_INDEXES),
  };
}
