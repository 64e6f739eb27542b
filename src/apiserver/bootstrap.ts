import { DEFAULT_ROLES } from './auth/rbac/default-roles.ts';
import { BUCKETS } from './auth/rbac/policy.ts';
import { CRD_BUCKET } from './core-kinds/crds.ts';
import type { Extension } from './extension/pass-on.ts';
import { trustConfigMap } from './extension/trust-config-map.ts';
import type { Backend } from './handlers/context.ts';
import { createObject } from './handlers/create.ts';
import { updateObject } from './handlers/update.ts';
import { keyOf, type Resource } from './registry/resource.ts';
import type { KubeObject } from './types.ts';

const MANAGER = 'coppice-apiserver';
const CONFIG_MAP_BUCKET = 'configmaps';
const SYSTEM_NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

function builtIn(backend: Backend, bucket: string): Resource {
  const resource = backend.registry.ofBucket(bucket);
  if (resource === undefined) throw new Error(`the built-in kind ${bucket} is not registered`);
  return resource;
}

/** Creates the object, or updates an existing one: a newer Coppice brings newer kinds and roles. */
function ensureCurrent(backend: Backend, bucket: string, given: KubeObject): void {
  const resource = builtIn(backend, bucket);
  const { namespace, name = '' } = given.metadata;
  const options = { dryRun: false, fieldManager: MANAGER };
  if (backend.store.get(bucket, keyOf(resource, namespace, name)) === undefined) {
    createObject(backend, resource, structuredClone(given), options);
    return;
  }
  const target = { resource, namespace, name, subresource: undefined };
  const transform = (old: KubeObject): KubeObject => {
    const { labels, annotations } = given.metadata;
    const metadata = { ...old.metadata };
    // An empty map where there was none would be a change, and so a write, of every object.
    if (labels !== undefined) metadata.labels = { ...metadata.labels, ...labels };
    if (annotations !== undefined) metadata.annotations = { ...metadata.annotations, ...annotations };
    return { ...old, ...structuredClone(given), metadata };
  };
  updateObject(backend, target, transform, options);
}

/** Creates the object if it is missing; an existing object keeps its changes. */
function ensure(backend: Backend, given: KubeObject): void {
  const resource = backend.registry.findKind(given.apiVersion, given.kind);
  if (resource === undefined) throw new Error(`the built-in kind ${given.kind} is not registered`);
  if (backend.store.get(resource.bucket, given.metadata.name ?? '') !== undefined) return;
  createObject(backend, resource, structuredClone(given), { dryRun: false, fieldManager: MANAGER });
}

/** Fills a store with what every server has: namespaces, roles, and the given definitions and ClusterRoles. */
export async function bootstrap(
  backend: Backend,
  crds: readonly KubeObject[],
  clusterRoles: readonly KubeObject[] = [],
): Promise<void> {
  // A newer version starts on a full disk, too.
  backend.store.withReserve(() => {
    for (const name of SYSTEM_NAMESPACES) {
      ensure(backend, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
    for (const role of DEFAULT_ROLES) ensure(backend, role);
    for (const crd of crds) ensureCurrent(backend, CRD_BUCKET, crd);
    for (const role of clusterRoles) ensureCurrent(backend, BUCKETS.clusterRoles, role);
  });
  await backend.store.committed();
}

/**
 * Says whom servers behind this one may believe; see {@link trustConfigMap}.
 * @param clientCa PEM of the authority of users' certificates
 */
export async function publishTrust(
  backend: Backend,
  clientCa: string,
  extension: Extension | undefined,
): Promise<void> {
  const frontProxyCa = (await extension?.tls())?.ca;
  backend.store.withReserve(() => {
    ensureCurrent(backend, CONFIG_MAP_BUCKET, trustConfigMap(clientCa, frontProxyCa));
  });
  await backend.store.committed();
}
