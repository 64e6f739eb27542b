import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from 'js-yaml';
import type { ResourceRef } from '../base/object.ts';
import { own } from '../base/own.ts';
import type { KubeClient } from '../kube/client/client.ts';
import { installedPath } from './installation.ts';

/** The parts of a schema that define fields. */
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
}

interface Crd {
  readonly spec: {
    readonly names: { readonly plural: string; readonly kind: string };
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

interface OpenApi {
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

const GROUP_SCHEMA = 'dev.coppice.v1alpha1';
const MOST_NAMED = 4;

/**
 * A message when the installed kinds are those of an older release: an API server silently drops fields that it does not know.
 * Undefined when the API server knows every field of `crds/`.
 */
export async function missingFields(
  client: Pick<KubeClient, 'getRaw'>,
  kinds: readonly ResourceRef[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const served = (await client.getRaw('/openapi/v3/apis/coppice.dev/v1alpha1', { signal })) as OpenApi;
  const missing: string[] = [];
  for (const { kind, wanted } of await schemasOf(kinds)) {
    const known = new Set(fieldsOf(own(served.components?.schemas, `${GROUP_SCHEMA}.${kind}`) ?? {}, kind));
    missing.push(...fieldsOf(wanted, kind).filter((field) => !known.has(field)));
  }
  if (missing.length === 0) return undefined;
  const more = missing.length > MOST_NAMED ? ` and ${missing.length - MOST_NAMED} more` : '';
  return (
    `the installed kinds are of an older release, without ${missing.slice(0, MOST_NAMED).join(', ')}${more}: ` +
    'upgrade the chart coppice-crds, or apply the manifests in crds/; the operator then continues by itself'
  );
}

async function schemasOf(kinds: readonly ResourceRef[]) {
  const folder = installedPath('crds');
  const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml'));
  const crds = await Promise.all(
    files.map(async (file) => load(await readFile(join(folder, file), 'utf8')) as Crd),
  );
  return crds
    .filter(({ spec }) => kinds.some(({ plural }) => plural === spec.names.plural))
    .map(({ spec }) => ({
      kind: spec.names.kind,
      wanted: spec.versions[0]?.schema.openAPIV3Schema ?? {},
    }));
}

/** The paths of all fields of a kind's own: `Host.spec.thresholds.cpu`. */
function fieldsOf({ properties = {}, items, additionalProperties }: Schema, path: string): string[] {
  const below = Object.entries(properties).flatMap(([name, schema]) =>
    // The same for every kind, and API servers describe it by reference.
    name === 'metadata' ? [] : [`${path}.${name}`, ...fieldsOf(schema, `${path}.${name}`)],
  );
  if (items !== undefined) below.push(...fieldsOf(items, `${path}[]`));
  if (typeof additionalProperties === 'object') below.push(...fieldsOf(additionalProperties, `${path}{}`));
  return below;
}
