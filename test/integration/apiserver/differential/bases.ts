import { expect } from 'vitest';
import type { CustomResourceDefinition } from '../../../../src/apiserver/registry/definition.ts';
import type { JsonObject, JsonSchema, JsonValue } from '../../../../src/apiserver/types.ts';
import { fc } from '../../../fuzz.ts';
import type { Caller } from '../world.ts';
import { arbitraryOf } from './generated.ts';

type Definition = CustomResourceDefinition['spec'];

/** An object that is there to be changed. */
export interface Base {
  /** Of the collection, and of the object. */
  readonly collection: string;
  readonly path: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly schemas: { readonly spec: JsonSchema; readonly status: JsonSchema };
  /** As written, without defaults. */
  readonly spec: JsonObject;
  readonly status: JsonObject;
}

const file = { url: 'https://example.com/a', sha256: 'a'.repeat(64) };
const inline = { inline: { files: { 'index.html': 'hello', 'a/b.txt': '' } } };
const probe = { http: { path: '/', port: 80 }, periodSeconds: 2 };
const network = { pool: 'lan', mode: 'Bridge', address: '10.0.8.11', ports: [{ name: 'web', port: 80 }] };
const placement = { hosts: ['a', 'b'], hostSelector: { matchLabels: { zone: 'x' } } };
const parameters = { env: { MODE: 'prod', LEVEL: '1' }, hostname: 'web', probe };
const machine = { resources: { cpu: 1, memory: '256Mi' }, network, parameters, placement };
const service = { name: 'web', replicas: 1, package: inline, template: { series: 'debian' }, ...machine };

/** A spec of each kind in which as much as may be is given: from nothing but its schema few would be valid. */
const SPECS: Readonly<Record<string, JsonObject>> = {
  Host: {
    address: 'https://10.0.8.2:7443',

    unschedulable: true,
    thresholds: { cpu: 0.5, memory: 1 },
  },
  IPLease: {
    address: '10.0.8.11',
    pool: { namespace: 'default', name: 'lan' },
    appliance: { namespace: 'default', name: 'web-0', uid: 'one' },
    hostName: 'host-a',
  },
  IPPool: {
    family: 'IPv4',
    ranges: [
      { start: '10.0.8.10', end: '10.0.8.20' },
      { start: '10.0.8.30', end: '10.0.8.40' },
    ],
    exclusions: ['10.0.8.15'],
    reservations: [{ appliance: 'web-0', address: '10.0.8.12' }],
    prefix: 24,
    gateway: '10.0.8.1',
    dns: ['10.0.8.1', '9.9.9.9'],
  },
  ServiceDeployment: { state: 'Deployed', recall: { save: true }, services: [service] },
  TemplateLabel: {
    title: 'fast',
    owner: 'ann',
    visibility: 'Cluster',
    templates: ['debian', 'images/minimal'],
    selector: { matchLabels: { os: 'linux' }, matchExpressions: [{ key: 'tier', operator: 'Exists' }] },
  },
  TemplateFollow: { user: 'bea', labels: ['default/lamp', 'images/base'] },
  Template: {
    series: 'debian',
    version: '12.7',
    source: { image: file },
    guest: { os: 'linux', agent: 'qemu-guest-agent', boot: { kernel: file } },
    container: { type: 'static-site', port: 8080, documentRoot: '/srv' },
    checkpoint: { enabled: false },
    distribution: { mode: 'Copy', minCopies: 1, importance: 1.5, popularityHalfLife: '24h' },
    lifecycle: { retain: false },
    sharing: { scope: 'Namespaces', namespaces: ['a', 'b'] },
  },
  VirtualAppliance: {
    powerState: 'Running',
    service: { name: 'web', package: inline },
    template: { name: 'debian' },
    ...machine,
    hostName: 'a',
    start: { from: 'ColdBoot' },
    disk: { mode: 'Clone' },
    timeouts: { agentSeconds: 60 },
  },
  Gizmo: {
    nullable: null,
    amount: 1,
    bounded: '50%',
    raw: { a: { b: [1] } },
    partly: { known: { a: 'x' }, other: 1 },
    set: ['a', 'b'],
    numbers: [1.5],
    atomicList: [{ a: 'x' }, { b: 'y' }],
    atomicMap: { a: 'x' },
    granularMap: { a: 1, b: 2 },
    keyed: [
      { port: 80, note: 'x' },
      { port: 80, protocol: 'UDP' },
    ],
    choice: { left: 'x' },
    fixed: 'for ever',
    growing: ['a'],
    once: 3,
    day: '2030-01-01',
    cel: { size: '1Gi', limit: '2Gi', names: ['a', 'b'], version: '1.2.3' },
  },
};

/** A lease's name is its address. */
const NAMES: Readonly<Record<string, string>> = { IPLease: '10.0.8.11' };
const STATUSES = 40;

function describe({ group, scope, names: { kind, plural }, versions }: Definition): Omit<Base, 'status'> {
  const [version] = versions;
  const apiVersion = `${group}/${version?.name}`;
  const place = scope === 'Cluster' ? '' : '/namespaces/default';
  const collection = `/apis/${apiVersion}${place}/${plural}`;
  const { spec = {}, status = { type: 'object' } } = version?.schema?.openAPIV3Schema?.properties ?? {};
  const name = NAMES[kind] ?? 'base';
  const object = { collection, path: `${collection}/${name}`, apiVersion, kind, name };
  return { ...object, schemas: { spec, status }, spec: SPECS[kind] ?? {} };
}

/** Makes an object of the kind on every server, with the longest status of those made from its schema. */
export async function makeBase(definition: Definition, servers: readonly Caller[]): Promise<Base> {
  const made = describe(definition);
  const { apiVersion, kind, name, path, spec, schemas } = made;
  const object = { apiVersion, kind, metadata: { name }, spec };
  for (const api of servers) {
    const { status, text } = await api.post(made.collection, object);
    expect({ status, text: status === 201 ? '' : text }).toEqual({ status: 201, text: '' });
  }
  const samples = fc.sample(arbitraryOf(schemas.status), { seed: 1, numRuns: STATUSES }) as JsonObject[];
  const byLength = samples.toSorted((a, b) => JSON.stringify(b).length - JSON.stringify(a).length);
  for (const status of byLength) {
    const answers = await Promise.all(servers.map((api) => api.merge(`${path}/status`, { status })));
    const codes = new Set(answers.map((answer) => answer.status));
    expect(codes.size).toBe(1);
    if (codes.has(200)) return { ...made, status };
  }
  return { ...made, status: {} };
}

/** The object with other parts; `{rv}` stands for the version that it has. */
export function objectWith(base: Base, parts: { spec: JsonValue; status?: JsonValue }): JsonObject {
  const { apiVersion, kind, name } = base;
  return { apiVersion, kind, metadata: { name, resourceVersion: '{rv}' }, ...parts };
}
