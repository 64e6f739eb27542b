import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import {
  HOSTS,
  SERVICE_DEPLOYMENTS,
  TEMPLATE_FOLLOWS,
  TEMPLATE_LABELS,
  TEMPLATES,
  VIRTUAL_APPLIANCES,
} from '../api/kinds.ts';
import type { KubeObject, ResourceRef } from '../base/object.ts';
import type { KubeClient } from '../kube/client/client.ts';

const KNOWN: readonly ResourceRef[] = [
  HOSTS,
  SERVICE_DEPLOYMENTS,
  TEMPLATES,
  TEMPLATE_LABELS,
  TEMPLATE_FOLLOWS,
  VIRTUAL_APPLIANCES,
  { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true },
  { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false },
];

/** The objects of a manifest file, or of all `.yaml` files of a folder, in the order of their names. */
export async function readManifests(path: string): Promise<KubeObject[]> {
  const files = (await stat(path)).isDirectory()
    ? (await readdir(path))
        .filter((name) => name.endsWith('.yaml'))
        .sort()
        .map((name) => join(path, name))
    : [path];
  const objects: KubeObject[] = [];
  for (const file of files) {
    for (const document of loadAll(await readFile(file, 'utf8'))) {
      const object = document as Partial<KubeObject> | null;
      if (object === null) continue;
      if (!object.kind || !object.apiVersion || !object.metadata?.name) {
        throw new Error(`${file}: every document needs apiVersion, kind and metadata.name`);
      }
      objects.push(object as KubeObject);
    }
  }
  return objects;
}

/** Applies the objects by server-side apply; those without a namespace go into `default`. */
export async function applyManifests(client: KubeClient, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) {
    const ref = KNOWN.find((known) => known.kind === object.kind);
    if (ref === undefined)
      throw new Error(`this command does not apply objects of kind ${object.kind}: use kubectl`);
    const namespace = ref.namespaced ? { namespace: object.metadata.namespace ?? 'default' } : {};
    await client.apply(
      ref,
      { ...object, metadata: { ...object.metadata, ...namespace } },
      { fieldManager: 'coppice-cli' },
    );
  }
}
