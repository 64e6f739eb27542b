import { own } from '../../base/own.ts';
import { ageColumn, column, nameColumn } from '../registry/columns.ts';
import type { Resource } from '../registry/resource.ts';
import type { FieldError, KubeObject } from '../types.ts';
import { defineKind } from './define.ts';
import { flag, keyedList, list, mapOf, objectReference, record, text } from './schemas.ts';
import { CONFIG_MAP, SECRET, SERVICE_ACCOUNT } from './structs.ts';

const MAX_BYTES = 1024 * 1024;
const KEY = /^[-._a-zA-Z0-9]+$/;
const KEY_PROBLEM =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

function entries(object: KubeObject, field: string): [string, string][] {
  return Object.entries((own(object, field) ?? {}) as Record<string, string>);
}

function keysOf(object: KubeObject, field: string): string[] {
  return Object.keys((own(object, field) ?? {}) as object);
}

function count(object: KubeObject, ...fields: string[]): number {
  return fields.reduce((sum, field) => sum + keysOf(object, field).length, 0);
}

function keyErrors(object: KubeObject, field: string): FieldError[] {
  return keysOf(object, field).flatMap((key) =>
    KEY.test(key) && key !== '.' && key !== '..'
      ? []
      : [{ type: 'Invalid' as const, field: `${field}[${key}]`, value: key, detail: KEY_PROBLEM }],
  );
}

function base64Errors(object: KubeObject, field: string): FieldError[] {
  return entries(object, field).flatMap(([key, value]) =>
    /^[A-Za-z0-9+/]*={0,2}$/.test(value) && value.length % 4 === 0
      ? []
      : [
          {
            type: 'Invalid' as const,
            field: `${field}[${key}]`,
            value: '<value omitted>',
            detail: 'must be base64',
          },
        ],
  );
}

function bytesOf(object: KubeObject, field: string, encoding: BufferEncoding): number {
  return entries(object, field).reduce((sum, [, value]) => sum + Buffer.byteLength(value, encoding), 0);
}

function sizeErrors(bytes: number, report: string): FieldError[] {
  const detail = `may not be more than ${MAX_BYTES} bytes`;
  return bytes <= MAX_BYTES ? [] : [{ type: 'TooLong', field: report, detail }];
}

/** An immutable object's content must not change, and neither must the `immutable` field. */
function immutableErrors(
  object: KubeObject,
  old: KubeObject | undefined,
  fields: readonly string[],
): FieldError[] {
  if (old?.immutable !== true) return [];
  const changed = fields.filter(
    (field) => JSON.stringify(own(object, field) ?? null) !== JSON.stringify(own(old, field) ?? null),
  );
  const detail = 'field is immutable when `immutable` is set';
  return changed.map((field) => ({ type: 'Forbidden', field, detail }));
}

function validateConfigMap(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const binary = new Set(keysOf(object, 'binaryData'));
  const both = binary.size === 0 ? [] : keysOf(object, 'data').filter((key) => binary.has(key));
  return [
    ...keyErrors(object, 'data'),
    ...keyErrors(object, 'binaryData'),
    ...both.map((key) => ({
      type: 'Invalid' as const,
      field: `data[${key}]`,
      value: key,
      detail: 'duplicate of key present in binaryData',
    })),
    ...base64Errors(object, 'binaryData'),
    ...sizeErrors(bytesOf(object, 'data', 'utf8') + bytesOf(object, 'binaryData', 'base64'), '[]'),
    ...immutableErrors(object, old, ['immutable', 'data', 'binaryData']),
  ];
}

function fillSecret(object: KubeObject): void {
  object.type ??= 'Opaque';
  if (object.stringData === undefined) return;
  const written = entries(object, 'stringData').map(([key, value]) => [
    key,
    Buffer.from(value).toString('base64'),
  ]);
  object.data = { ...(object.data as Record<string, string> | undefined), ...Object.fromEntries(written) };
  delete object.stringData;
}

function validateSecret(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const retyped: FieldError[] =
    old !== undefined && old.type !== object.type
      ? [{ type: 'Invalid', field: 'type', value: object.type, detail: 'field is immutable' }]
      : [];
  return [
    ...retyped,
    ...keyErrors(object, 'data'),
    ...base64Errors(object, 'data'),
    ...sizeErrors(bytesOf(object, 'data', 'base64'), 'data'),
    ...immutableErrors(object, old, ['immutable', 'data']),
  ];
}

const CONFIG_DATA =
  "Data contains the configuration data. Each key must consist of alphanumeric characters, '-', '_' or '.'. Values with non-UTF-8 byte sequences must use the BinaryData field. The keys stored in Data must not overlap with the keys in the BinaryData field, this is enforced during validation process.";
const VALUES = { type: 'string' };
const BYTES = { type: 'string', format: 'byte' };
const IMMUTABLE = flag(
  'Immutable, if set to true, ensures that data stored cannot be updated (only object metadata can be modified).',
);

function configMaps(): Resource {
  return defineKind({
    group: '',
    version: 'v1',
    plural: 'configmaps',
    kind: 'ConfigMap',
    definitionName: 'io.k8s.api.core.v1.ConfigMap',
    struct: CONFIG_MAP,
    shortNames: ['cm'],
    schema: record(
      {
        data: mapOf(VALUES, CONFIG_DATA),
        binaryData: mapOf(BYTES, 'BinaryData contains the binary data.'),
        immutable: IMMUTABLE,
      },
      'ConfigMap holds configuration data for pods to consume.',
    ),
    columns: [
      nameColumn(),
      column('Data', CONFIG_DATA, (object) => count(object, 'data', 'binaryData')),
      ageColumn(),
    ],
    rules: { qualifiesFinalizers: true, validate: validateConfigMap },
  });
}

function secrets(): Resource {
  return defineKind({
    group: '',
    version: 'v1',
    plural: 'secrets',
    kind: 'Secret',
    definitionName: 'io.k8s.api.core.v1.Secret',
    struct: SECRET,
    schema: record(
      {
        data: mapOf(BYTES, 'Data contains the secret data, each value in base64.'),
        stringData: mapOf(
          VALUES,
          'stringData allows specifying non-binary secret data in string form. It is write-only: it is merged into data.',
        ),
        type: text('Used to facilitate programmatic handling of secret data.'),
        immutable: IMMUTABLE,
      },
      'Secret holds secret data of a certain type.',
    ),
    columns: [
      nameColumn(),
      column('Type', 'Used to facilitate programmatic handling of secret data.', (object) =>
        String(object.type ?? ''),
      ),
      column('Data', 'Data contains the secret data.', (object) => count(object, 'data')),
      ageColumn(),
    ],
    selectable: { type: (object) => String(object.type ?? '') },
    rules: { qualifiesFinalizers: true, fillDefaults: fillSecret, validate: validateSecret },
  });
}

function serviceAccounts(): Resource {
  return defineKind({
    group: '',
    version: 'v1',
    plural: 'serviceaccounts',
    kind: 'ServiceAccount',
    definitionName: 'io.k8s.api.core.v1.ServiceAccount',
    struct: SERVICE_ACCOUNT,
    shortNames: ['sa'],
    answersWithDeleted: true,
    schema: record(
      {
        secrets: keyedList(
          objectReference('A secret.'),
          ['name'],
          'Secrets that pods running as this ServiceAccount may use.',
        ),
        imagePullSecrets: list(
          record({ name: text('Name of the referent.') }, 'A secret.'),
          'References to secrets for pulling images.',
        ),
        automountServiceAccountToken: flag(
          'Whether pods running as this service account should have an API token automatically mounted.',
        ),
      },
      'ServiceAccount binds together a name, a principal that can be authenticated, and a set of secrets.',
    ),
    mergeKeys: { secrets: 'name' },
    rules: { qualifiesFinalizers: true },
  });
}

/** ConfigMap, Secret, ServiceAccount. */
export function configKinds(): Resource[] {
  return [configMaps(), secrets(), serviceAccounts()];
}
