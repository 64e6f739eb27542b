import { DEFAULT_ROLES } from './auth/rbac/default-roles.ts';
import { CRD_BUCKET } from './core-kinds/crds.ts';
import type { Backend } from './handlers/context.ts';
import { createObject } from './handlers/create.ts';
import { updateObject } from './handlers/update.ts';
import type { Resource } from './registry/resource.ts';
import { asJson } from './registry/resource.ts';
import type { KubeObject } from './types.ts';

const MANAGER = 'coppice-apiserver';
const SYSTEM_NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

function builtIn(backend: Backend, bucket: string): Resource {
  const resource = backend.registry.ofBucket(bucket);
  if (resource === undefined) throw new Error(`the built-in kind ${bucket} is not registered`);
  return resource;
}

/** Creates the definition, or updates an existing one: a newer Coppice brings newer kinds. */
function ensureDefinition(backend: Backend, given: KubeObject): void {
  const resource = builtIn(backend, CRD_BUCKET);
  const { name = '' } = given.metadata;
  const options = { dryRun: false, fieldManager: MANAGER };
  if (backend.store.get(CRD_BUCKET, name) === undefined) {
    createObject(backend, resource, structuredClone(given), options);
    return;
  }
  const target = { resource, namespace: undefined, name, subresource: undefined };
  const transform = (old: KubeObject): KubeObject => {
    const { labels, annotations } = given.metadata;
    const metadata = {
      ...old.metadata,
      labels: { ...old.metadata.labels, ...labels },
      annotations: { ...old.metadata.annotations, ...annotations },
    };
    return { ...old, metadata, spec: structuredClone(asJson(given).spec) };
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

/** Fills a store with what every server has: namespaces, roles, and the given definitions. */
export async function bootstrap(backend: Backend, crds: readonly KubeObject[]): Promise<void> {
  for (const name of SYSTEM_NAMESPACES) {
    ensure(backend, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  for (const role of DEFAULT_ROLES) ensure(backend, role);
  for (const crd of crds) ensureDefinition(backend, crd);
  await backend.store.committed();
}
