import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { HOSTS, SERVICE_DEPLOYMENTS, TEMPLATES, VIRTUAL_APPLIANCES } from '../../../src/api/kinds.ts';
import type { KubeObject, ResourceRef } from '../../../src/base/object.ts';
import { applyDefinition, readCrds } from '../../kubernetes/crds.ts';
import { startWorld, type World } from './world.ts';

type Amount = string | number;
type Values = readonly Amount[];

/** What no amount of bytes is: not above zero, not whole, not an amount, or more than any host has. */
const NEVER: Values = [
  '',
  ' ',
  'plenty',
  '1Gi ',
  '1 Gi',
  '1gi',
  '0x10',
  'NaN',
  '-1',
  '-1Gi',
  -1,
  -2.5,
  0,
  '0',
  '0Gi',
];
const NO_BYTES: Values = ['0.5', '1.5', '1.1Ki', '500m', '1n', 1.5, '1e3', '1E3', '2048Ti', 2 ** 60];
const NO_CPU: Values = [
  '0m',
  '0.0',
  '0.0001',
  '1u',
  '1Ki',
  '1e3',
  '1E2',
  '1000',
  '1000000m',
  1000,
  2 ** 40,
  0.5,
];
const SMALL: Values = [1, 33_554_431, '31Mi', '1'];
const LARGE: Values = ['32Mi', '96Mi', '1Gi', '33554432', 33_554_432, 1_073_741_824, '1G', '1024Ti'];

interface Field {
  readonly bad: Values;
  readonly good: Values;
  /** What the message says, besides the field: what to write instead. */
  readonly says: RegExp;
}

const BYTES: Field = { bad: NO_BYTES, good: ['1', 1, ...LARGE], says: /must be whole bytes.*: write / };
const FIELDS: Readonly<Record<string, Field>> = {
  cpu: {
    bad: NO_CPU,
    good: ['1m', '50m', '1', '1.5', '0.25', '999', 1, 999],
    says: /cpu must be more than 0 .*: write /,
  },
  memory: {
    bad: [...NO_BYTES, ...SMALL],
    good: LARGE,
    says: /must be whole bytes.*: write |a VM needs at least 32Mi of memory/,
  },
  size: BYTES,
  // The smallest second disk is what a partition table and a file system need.
  'data.size': {
    ...BYTES,
    bad: [...NO_BYTES, 1, '1', '512Ki', 1_048_575],
    good: ['1Mi', 1_048_576, ...LARGE],
  },
  minimumMemory: BYTES,
  diskSize: BYTES,
};

function fieldOf(path: readonly string[]): Field {
  return (FIELDS[path.slice(-2).join('.')] ?? FIELDS[path.at(-1) ?? '']) as Field;
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly 'x-kubernetes-int-or-string'?: boolean;
}

/** The paths of all fields below that take an integer or a string, such as `services[].resources.cpu`. */
function amountsOf(schema: Schema, path: readonly string[] = []): (readonly string[])[] {
  if (schema['x-kubernetes-int-or-string'] === true) return [path];
  const inItems = schema.items === undefined ? [] : amountsOf(schema.items, [...path, '0']);
  const inFields = Object.entries(schema.properties ?? {}).flatMap(([name, one]) =>
    amountsOf(one, [...path, name]),
  );
  return [...inItems, ...inFields];
}

/** The least that each kind takes, with every object on the way to its amounts. */
const LEAST: Readonly<Record<string, () => object>> = {
  ServiceDeployment: () => ({
    services: [{ name: 'web', template: { name: 'debian' }, resources: {}, disk: {} }],
  }),
  VirtualAppliance: () => ({ template: { name: 'debian' }, resources: {}, disk: {} }),
  Template: () => ({
    source: { parent: { name: 'debian' }, build: { steps: [{ run: 'true' }], resources: {} } },
    guest: {},
    checkpoint: { sizes: [{ cpu: 1, memory: '1Gi' }] },
  }),
};
const KINDS: readonly ResourceRef[] = [SERVICE_DEPLOYMENTS, TEMPLATES, VIRTUAL_APPLIANCES];

/** The object with that value at the path, and with what it takes to get there. */
function withValue(object: object, [first = '', ...rest]: readonly string[], value: Amount): object {
  const below = (object as Readonly<Record<string, object>>)[first] ?? {};
  const next = rest.length === 0 ? value : withValue(below, rest, value);
  if (Array.isArray(object)) return object.with(Number(first), next);
  return { ...object, [first]: next };
}

interface Definition extends KubeObject {
  readonly spec: {
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

/** Every such field of every kind, whoever adds it: a new one fails here until somebody says what it may be. */
const amounts = ((await readCrds()) as unknown as Definition[]).flatMap(({ spec: { names, versions } }) =>
  amountsOf(versions[0]?.schema.openAPIV3Schema.properties?.spec ?? {}).map((path) => ({
    kind: names.kind,
    path,
    field: path.join('.'),
  })),
);

/** The definition as it was before integers were checked: without the rules of amounts. */
function withoutRules<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item) => withoutRules(item)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const isAmount = 'x-kubernetes-int-or-string' in value;
  const entries = Object.entries(value).filter(([key]) => !isAmount || key !== 'x-kubernetes-validations');
  return Object.fromEntries(entries.map(([key, below]) => [key, withoutRules(below)])) as T;
}

function withBuilds<T>(value: T): T {
  if (Array.isArray(value))
    return value.map((item) => withBuilds(item)).filter((item) => !isBuildRule(item)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, below]) => [key, withBuilds(below)])) as T;
}

function isBuildRule(value: unknown): boolean {
  return JSON.stringify(value).includes('building templates is not supported yet') && !Array.isArray(value);
}

describe('amounts that may be integers or strings', () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld('amounts');
    // Amounts of builds are checked, though builds are not supported yet.
    const templates = (await readCrds()).find(({ metadata }) => metadata.name.startsWith('templates.'));
    await applyDefinition(world.client, withBuilds(templates as KubeObject));
    await vi.waitFor(async () => expect(await write('Template', base('Template'))).toBe('taken'), 30_000);
  });
  afterAll(async () => {
    await world?.stop();
  });

  /** The server's answer to an object of that kind: `taken`, or the message of its refusal. */
  async function write(kind: string, spec: object): Promise<string> {
    const ref = KINDS.find((one) => one.kind === kind) as ResourceRef;
    const object = {
      apiVersion: 'coppice.dev/v1alpha1',
      kind,
      metadata: { name: 'amount', namespace: world.namespace },
      spec,
    };
    try {
      await world.client.create(ref, object);
    } catch (error) {
      return (error as Error).message;
    }
    await world.client.delete(ref, object.metadata);
    return 'taken';
  }
  const base = (kind: string) => LEAST[kind]?.() ?? {};

  it.each(amounts)(
    '$kind $field: what it cannot be is refused, and the message says what it can',
    async ({ kind, path }) => {
      const name = path.at(-1) as string;
      const { bad, says } = fieldOf(path);
      for (const value of [...NEVER, ...bad]) {
        const answer = await write(kind, withValue(base(kind), path, value));
        expect(answer, `${JSON.stringify(value)}`).toContain(name);
        // What is no integer is refused by its type, before any rule is looked at.
        if (!Number.isInteger(value) && typeof value === 'number') expect(answer).toMatch(/must be of type/);
        else expect(answer, `${JSON.stringify(value)}`).toMatch(says);
      }
    },
  );

  it.each(amounts)('$kind $field: what it can be is taken', async ({ kind, path }) => {
    const { good } = fieldOf(path);
    for (const value of good) expect(await write(kind, withValue(base(kind), path, value))).toBe('taken');
  });

  /** Until the server goes by the definition that was applied last, which takes a moment. */
  async function eventually(expected: RegExp): Promise<void> {
    const bad = withValue(base('VirtualAppliance'), ['resources', 'cpu'], -1);
    await vi.waitFor(async () => expect(await write('VirtualAppliance', bad)).toMatch(expected), 30_000);
  }

  it('that were stored before the rules can be written to, bound, reported about and deleted', async () => {
    const definition = (await readCrds()).find(({ metadata }) =>
      metadata.name.startsWith('virtualappliances'),
    );
    await applyDefinition(world.client, withoutRules(definition as KubeObject));
    await eventually(/^taken$/);
    const kind = { apiVersion: 'coppice.dev/v1alpha1', kind: 'VirtualAppliance' };
    const metadata = { name: 'old', namespace: world.namespace };
    const spec = { ...base('VirtualAppliance'), resources: { cpu: -1 }, disk: { size: -1 } };
    await world.client.create(VIRTUAL_APPLIANCES, { ...kind, metadata, spec } as never);
    await applyDefinition(world.client, definition as KubeObject);
    await eventually(/cpu must be more than 0/);
    const set = (path: string, value: unknown) =>
      world.client.patch(VIRTUAL_APPLIANCES, metadata, [{ op: 'add', path, value }]);
    await set('/metadata/finalizers', ['coppice.dev/appliance']);
    await set('/spec/hostName', 'host-a');
    const report = { ...kind, metadata, status: { serviceState: 'VMUnavailable' } };
    await world.client.applyStatus(VIRTUAL_APPLIANCES, report, { fieldManager: 'coppice' });
    await set('/metadata/finalizers', []);
    await world.client.delete(VIRTUAL_APPLIANCES, metadata);
    expect(await world.client.find(VIRTUAL_APPLIANCES, metadata)).toBeUndefined();
  });

  it.each(['cpu', 'memory'])("a host's threshold for %s is no integer below one", async (name) => {
    const host = (value: number) => ({
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'Host',
      metadata: { name: `amounts-${name}` },
      spec: { address: 'https://127.0.0.1:7443', thresholds: { [name]: value } },
    });
    for (const value of [0, -1, 0.4, 2])
      await expect(world.client.create(HOSTS, host(value) as never)).rejects.toThrow(
        `spec.thresholds.${name}`,
      );
    for (const value of [0.5, 0.75, 1]) {
      await world.client.create(HOSTS, host(value) as never);
      await world.client.delete(HOSTS, { name: `amounts-${name}` });
    }
  });
});
