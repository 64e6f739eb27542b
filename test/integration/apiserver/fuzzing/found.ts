/** What chance has found: requests that made the server fail once. */

import type { JsonObject, JsonValue } from '../../../../src/base/json.ts';
import { setOwn } from '../../../../src/base/own.ts';
import type { Shot } from './client.ts';
import { SAMPLES } from './objects.ts';

/** The sample of a collection with another value at a path of its fields. */
function written(plural: string, method: 'POST' | 'PUT', fields: readonly string[], value: JsonValue): Shot {
  const { path, object } = SAMPLES.find((sample) => sample.path.endsWith(`/${plural}`)) ?? {};
  if (path === undefined || object === undefined) throw new Error(`there is no sample of ${plural}`);
  const copy = structuredClone(object);
  let holder: JsonObject = copy;
  for (const field of fields.slice(0, -1)) holder = Reflect.get(holder, field) as JsonObject;
  setOwn(holder, fields.at(-1) ?? '', value);
  const { name } = object.metadata as { name: string };
  const headers = { 'Content-Type': 'application/json' };
  const target = method === 'PUT' ? `${path}/${name}` : path;
  return { method, target, headers, body: Buffer.from(JSON.stringify(copy)) };
}

const SCHEMA = ['spec', 'versions', '0', 'schema', 'openAPIV3Schema', 'properties', 'spec'];
const MANAGED = ['metadata', 'managedFields', '0', 'fieldsV1'];

const READ: readonly Shot[] = ['//', '///', '/%', 'http://[/api'].map((target) => ({
  method: 'GET',
  target,
  headers: {},
  body: undefined,
}));

export const FOUND: readonly Shot[] = [
  ...READ,
  ...(['POST', 'PUT'] as const).flatMap((method) => [
    written('configmaps', method, ['binaryData', 'c'], []),
    written('configmaps', method, MANAGED, 'constructor'),
    written('configmaps', method, [...MANAGED, 'f:data'], true),
    written('secrets', method, ['stringData', 'b'], -1),
    written('secrets', method, ['stringData', 'b'], {}),
    written('namespaces', method, ['spec', 'finalizers'], {}),
    written('clusterroles', method, ['kind'], { toString: 'a' }),
    written('clusterrolebindings', method, ['subjects'], 'a'),
    written('customresourcedefinitions', method, ['spec', 'versions'], 'a'),
    written('customresourcedefinitions', method, ['spec', 'names'], null),
    written('customresourcedefinitions', method, SCHEMA, null),
    written('customresourcedefinitions', method, [...SCHEMA, 'required'], 1),
    written('customresourcedefinitions', method, [...SCHEMA, 'properties', 'a', 'enum'], 'a'),
    written('customresourcedefinitions', method, [...SCHEMA, 'x-kubernetes-validations', '0', 'rule'], null),
    written('customresourcedefinitions', method, [...SCHEMA, 'x-kubernetes-validations', '0', 'rule'], []),
  ]),
];
