import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { expect, it } from 'vitest';
import { complete, type DeclaredService } from '../controllers/servicedeployment/services.ts';
import { compileSchema } from '../src/apiserver/schema/compile.ts';
import type { JsonObject, JsonSchema } from '../src/apiserver/types.ts';

interface Crd {
  readonly spec: {
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: JsonSchema } }[];
  };
}

function schemaOf(plural: string): JsonSchema {
  const text = readFileSync(join(import.meta.dirname, `../crds/${plural}.yaml`), 'utf8');
  const schema = (load(text) as Crd).spec.versions[0]?.schema.openAPIV3Schema;
  if (schema === undefined) throw new Error(`crds/${plural}.yaml has no schema`);
  return schema;
}

const appliance = compileSchema(schemaOf('virtualappliances'));
/** What a service and an appliance have in common, and the API server fills in for the appliance. */
const FILLED = [
  'resources',
  'parameters',
  'network',
  'placement',
  'start',
  'disk',
  'onHostFailure',
  'timeouts',
] as const;

const base: DeclaredService = { name: 'web', template: { name: 'debian' } };
const services: readonly Partial<DeclaredService>[] = [
  {},
  { resources: {}, network: {}, placement: {}, start: {}, disk: {}, timeouts: {}, parameters: {} },
  { resources: { cpu: 2 }, disk: { size: '4Gi' }, timeouts: { agentSeconds: 5 } },
  { resources: { memory: '1Gi' }, disk: { mode: 'Clone' }, timeouts: { serviceSeconds: 5 } },
  { parameters: { probe: { http: {} } } },
  { parameters: { probe: { http: { path: '/healthz' } }, env: { A: 'b' } } },
  { parameters: { probe: { tcp: {} } } },
];

it.each(services)('a service %j has the defaults that the API server gives an appliance', (declared) => {
  const service = complete({ ...base, ...declared });
  const object = structuredClone({ metadata: {}, spec: { ...declared } }) as JsonObject;
  appliance.applyDefaults(object);
  const spec = object.spec as JsonObject;
  for (const field of FILLED) expect(service[field], field).toEqual(spec[field]);
  expect(complete(service)).toEqual(service);
});
