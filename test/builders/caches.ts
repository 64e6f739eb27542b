import { pino } from 'pino';
import type { Caches } from '../../controllers/context.ts';
import {
  APPLIANCE_INDEXES,
  DEPLOYMENT_INDEXES,
  LEASE_INDEXES,
  TEMPLATE_INDEXES,
} from '../../controllers/indexes.ts';
import type {
  Host,
  IPLease,
  IPPool,
  ServiceDeployment,
  Template,
  VirtualAppliance,
} from '../../src/api/kinds.ts';
import type { KubeObject } from '../../src/base/object.ts';
import { createCache } from '../../src/kube/informer/cache.ts';
import type { IndexFunction } from '../../src/kube/informer/store.ts';

const log = pino({ level: 'silent' });

/** What an informer holds once it has seen these objects. */
function holding<T extends KubeObject>(
  objects: readonly T[],
  indexes: Readonly<Record<string, IndexFunction<T>>> = {},
) {
  const cache = createCache<T>({ indexes, log, onHandlerError: () => undefined });
  cache.replaceAll(objects);
  const { store, addHandler } = cache;
  return { get: store.get, list: () => [...store.values()], byIndex: store.byIndex, addHandler };
}

/** The operator's caches with these objects, under the indexes that it looks them up by. */
export function cachesOf(objects: {
  readonly hosts?: readonly Host[];
  readonly appliances?: readonly VirtualAppliance[];
  readonly templates?: readonly Template[];
  readonly deployments?: readonly ServiceDeployment[];
  readonly pools?: readonly IPPool[];
  readonly leases?: readonly IPLease[];
}): Caches {
  const { hosts = [], appliances = [], templates = [], deployments = [], pools = [], leases = [] } = objects;
  return {
    hosts: holding(hosts),
    appliances: holding(appliances, APPLIANCE_INDEXES),
    templates: holding(templates, TEMPLATE_INDEXES),
    deployments: holding(deployments, DEPLOYMENT_INDEXES),
    pools: holding(pools),
    leases: holding(leases, LEASE_INDEXES),
  } as unknown as Caches;
}
