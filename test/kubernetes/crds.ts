import { readdir, readFile } from 'node:fs/promises';
import { load } from 'js-yaml';
import { type Condition, isConditionTrue } from '../../src/api/conditions.ts';
import { sleep, systemClock } from '../../src/base/clock.ts';
import type { KubeObject, ResourceRef } from '../../src/base/object.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';

interface CustomResourceDefinition extends KubeObject {
  status?: { conditions?: Condition[] };
}

const CRDS: ResourceRef<CustomResourceDefinition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

/** The definitions of the project's kinds. */
export async function readCrds(): Promise<CustomResourceDefinition[]> {
  const folder = new URL('../../crds/', import.meta.url);
  const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml'));
  const texts = files.map((file) => readFile(new URL(file, folder), 'utf8'));
  return (await Promise.all(texts)).map((text) => load(text) as CustomResourceDefinition);
}

/** Installs the project's kinds and waits until they are served. */
export async function installCrds(client: KubeClient): Promise<void> {
  await Promise.all((await readCrds()).map((crd) => applyDefinition(client, crd)));
}

/** Installs one kind and waits until it is served. */
export async function applyDefinition(client: KubeClient, crd: KubeObject): Promise<void> {
  await client.apply(CRDS, crd, { fieldManager: 'coppice-test' });
  await waitUntilServed(client, crd.metadata.name);
}

async function waitUntilServed(client: KubeClient, name: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const { status } = await client.get(CRDS, { name });
    if (isConditionTrue(status?.conditions, 'Established')) {
      return;
    }
    await sleep(systemClock, 100);
  }
  throw new Error(`the kind ${name} is not served`);
}
