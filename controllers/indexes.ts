import {
  type IPLease,
  SERVICE_DEPLOYMENTS,
  type ServiceDeployment,
  type Template,
  type TemplateFollow,
  type VirtualAppliance,
} from '../src/api/kinds.ts';
import { controllerOf, type KubeObject, keyOf } from '../src/base/object.ts';
import type { IndexFunction } from '../src/kube/informer/store.ts';
import { isPending } from './objects/appliance.ts';
import { awaitedPoolKey, poolKeyOf } from './objects/pool-references.ts';
import { digestsOf, identitiesOf, layersOf } from './objects/template-files.ts';
import {
  labelKey,
  parentKey,
  recalledKey,
  sealedKey,
  templateKeysOf,
  usedTemplateKeys,
} from './objects/template-references.ts';

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
export const BY_LAYER = 'layer';
export const BY_SEALED = 'sealed';
export const BY_POOL = 'pool';
export const BY_APPLIANCE = 'appliance';
export const BY_LABEL = 'label';
export const BY_TASK = 'task';

/**
 * How appliances are looked up: by the host they are bound to, waiting for a host, uid, controlling task, template, ConfigMap,
 * and the pool they wait for an address from.
 */
export const APPLIANCE_INDEXES: Readonly<Record<string, IndexFunction<VirtualAppliance>>> = {
  [BY_HOST]: ({ spec }) => valueOrNone(spec.hostName),
  [BY_UID]: ({ metadata }) => valueOrNone(metadata.uid),
  [BY_OWNER]: (appliance) => {
    const owner = controllerOf(appliance);
    return owner === undefined ? [] : [ownerKey(appliance.metadata.namespace, owner.uid)];
  },
  [BY_PENDING]: (appliance) => (isPending(appliance) ? [PENDING] : []),
  [BY_TEMPLATE]: usedTemplateKeys,
  [BY_CONFIG_MAP]: ({ metadata, spec }) => {
    const { name, revision = name } = spec.package?.configMap ?? {};
    return revision === undefined ? [] : [keyOf({ namespace: metadata.namespace, name: revision })];
  },
  [BY_POOL]: (appliance) => valueOrNone(awaitedPoolKey(appliance)),
};

/** How tasks are looked up: by the ConfigMaps and TemplateLabels that they name, and by the templates that they name or have chosen. */
export const DEPLOYMENT_INDEXES: Readonly<Record<string, IndexFunction<ServiceDeployment>>> = {
  [BY_CONFIG_MAP]: ({ metadata, spec }) => {
    const names = spec.services.flatMap((service) => service.package?.configMap?.name ?? []);
    return [...new Set(names)].map((name) => keyOf({ namespace: metadata.namespace, name }));
  },
  [BY_TEMPLATE]: templateKeysOf,
  [BY_LABEL]: ({ metadata, spec }) => [
    ...new Set(spec.services.flatMap(({ template }) => labelKey(template, metadata.namespace) ?? [])),
  ],
};

/** How ConfigMaps are looked up: by the task whose revision they are. */
export const CONFIG_MAP_INDEXES: Readonly<Record<string, IndexFunction<KubeObject>>> = {
  [BY_OWNER]: (configMap) => {
    const owner = controllerOf(configMap);
    return owner?.kind !== SERVICE_DEPLOYMENTS.kind
      ? []
      : [ownerKey(configMap.metadata.namespace, owner.uid)];
  },
};

/** How leases are looked up: by the uid of the appliance, the pool, and the host of the appliance. */
export const LEASE_INDEXES: Readonly<Record<string, IndexFunction<IPLease>>> = {
  [BY_APPLIANCE]: ({ spec }) => [spec.appliance.uid],
  [BY_POOL]: (lease) => [poolKeyOf(lease)],
  [BY_HOST]: ({ spec }) => [spec.hostName],
};

/**
 * How templates are looked up: by parent, by the digests of their files, by their layers, by uid, by the appliance that they are made of,
 * and by the task that was recalled.
 */
export const TEMPLATE_INDEXES: Readonly<Record<string, IndexFunction<Template>>> = {
  [BY_PARENT]: (template) => valueOrNone(parentKey(template) ?? undefined),
  [BY_DIGEST]: digestsOf,
  [BY_LAYER]: (template) => identitiesOf(layersOf(template)),
  [BY_UID]: ({ metadata }) => valueOrNone(metadata.uid),
  [BY_SEALED]: (template) => valueOrNone(sealedKey(template)),
  [BY_TASK]: (template) => valueOrNone(recalledKey(template)),
};

/** How the follow objects of people are looked up: by the labels in them. */
export const FOLLOW_INDEXES: Readonly<Record<string, IndexFunction<TemplateFollow>>> = {
  [BY_LABEL]: ({ spec }) => spec.labels ?? [],
};

/** An owner is in the same namespace. A reference to one in another namespace is ignored, or anybody could claim that owner. */
export function ownerKey(namespace: string | undefined, ownerUid: string): string {
  return `${namespace}/${ownerUid}`;
}

function valueOrNone(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value];
}
