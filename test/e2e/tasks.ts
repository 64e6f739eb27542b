import { expect } from 'vitest';
import {
  SERVICE_DEPLOYMENTS,
  type ServiceDeployment,
  TEMPLATES,
  type Template,
  VIRTUAL_APPLIANCES,
  type VirtualAppliance,
} from '../../src/api/kinds.ts';
import { LABEL_SERVICE_DEPLOYMENT } from '../../src/api/labels.ts';
import type { Coppice } from './coppice.ts';

const API_VERSION = 'coppice.dev/v1alpha1';

/** What people write: of the objects' types, any part. */
type Written<T> = T extends readonly (infer Item)[]
  ? readonly Written<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]?: Written<T[Key]> }
    : T;

export type WrittenService = Written<ServiceDeployment['spec']['services'][number]>;

/** A manifest as people write it, without what the API server fills in. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: object;
}

/** A task of one small web service on the minimal guest. */
export function aTask(name: string, service: WrittenService = {}): Manifest {
  return manifest('ServiceDeployment', name, { services: [aService(service)] });
}

export function aService(change: WrittenService = {}): WrittenService {
  return {
    name: 'web',
    template: { series: 'minimal', namespace: 'coppice-system' },
    resources: { cpu: '50m', memory: '96Mi' },
    package: { inline: { files: { 'index.html': 'grown\n' } } },
    ...change,
  };
}

/** What `coppice up` declares as the template of static sites. */
export async function minimalSpec({ client }: Coppice): Promise<Template['spec']> {
  const { items } = await client.list(TEMPLATES, { namespace: 'coppice-system' });
  const found = items.find(({ spec }) => spec.series === 'minimal');
  if (found === undefined) throw new Error('coppice up declares a template of the series minimal');
  return found.spec;
}

/** Any other object of Coppice, in the default namespace where it has one. */
export function manifest(kind: string, name: string, spec: object): Manifest {
  const namespace = ['Host', 'IPLease'].includes(kind) ? {} : { namespace: 'default' };
  return { apiVersion: API_VERSION, kind, metadata: { name, ...namespace }, spec };
}

const APPLICABLE = [SERVICE_DEPLOYMENTS, VIRTUAL_APPLIANCES, TEMPLATES] as const;
const FETCH_MS = 5_000;

/** Declares the object, as `kubectl apply --server-side` does. */
export async function apply({ client }: Coppice, object: Manifest): Promise<void> {
  const ref = APPLICABLE.find(({ kind }) => kind === object.kind);
  if (ref === undefined) throw new Error(`nobody applies objects of kind ${object.kind} here yet`);
  await client.apply<ServiceDeployment>(ref as typeof SERVICE_DEPLOYMENTS, object, { fieldManager: 'user' });
}

/** Deletes the tasks and waits until the last VM and overlay of theirs is gone. */
export async function removeTasks(coppice: Coppice, ...names: readonly string[]): Promise<void> {
  for (const name of names) await coppice.client.delete(SERVICE_DEPLOYMENTS, { name, namespace: 'default' });
  await coppice.eventually(`${names.join(', ')} are gone`, async () => {
    const left = await Promise.all(names.map((name) => appliancesOf(coppice, name)));
    expect(left.flat().map(({ metadata }) => metadata.name)).toEqual([]);
  });
}

/** The appliances of a task, by name. */
export async function appliancesOf({ client }: Coppice, task: string): Promise<readonly VirtualAppliance[]> {
  const labelSelector = `${LABEL_SERVICE_DEPLOYMENT}=${task}`;
  const { items } = await client.list(VIRTUAL_APPLIANCES, { namespace: 'default', labelSelector });
  return [...items].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** Waits until the task is Ready with that many appliances and each answers with `text`; resolves with them. */
export function untilServed(
  coppice: Coppice,
  task: string,
  count: number,
  text: string,
): Promise<readonly VirtualAppliance[]> {
  return coppice.eventually(`${count} appliance(s) of ${task} answer '${text.trim()}'`, async () => {
    const { metadata, status } = await coppice.client.get(SERVICE_DEPLOYMENTS, {
      name: task,
      namespace: 'default',
    });
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({ status: 'True', observedGeneration: metadata.generation });
    const appliances = await appliancesOf(coppice, task);
    expect(appliances).toHaveLength(count);
    expect(await Promise.all(appliances.map((appliance) => fetchText(urlOf(appliance))))).toEqual(
      appliances.map(() => text),
    );
    return appliances;
  });
}

/** Where the appliance's service answers. */
export function urlOf({ metadata, status }: VirtualAppliance): string {
  const url = status?.accessPoints?.[0];
  if (url === undefined) throw new Error(`${metadata.name} has no access point`);
  return url;
}

/** What is served at that address. */
export async function fetchText(url: string): Promise<string> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(FETCH_MS) });
  if (!answer.ok) throw new Error(`${url} answered with ${answer.status}`);
  return answer.text();
}
