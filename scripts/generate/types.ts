import { basename } from 'node:path';
import { load } from 'js-yaml';
import { compile, type JSONSchema } from 'json-schema-to-typescript';

type Schema = Record<string, unknown>;
type Crd = {
  readonly spec: {
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
};

/** Kubernetes' additions to OpenAPI v3 in the words of JSON Schema: int-or-string, closed objects, no extensions. */
function toJsonSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toJsonSchema);
  if (schema === null || typeof schema !== 'object') return schema;
  const source = schema as Schema;
  if (source['x-kubernetes-int-or-string'] === true) {
    return { description: source.description, type: ['integer', 'string'] };
  }
  const copy: Schema = {};
  for (const [key, value] of Object.entries(source)) {
    if (key.startsWith('x-kubernetes-') || key === 'default' || key === 'maxItems' || key === 'minItems')
      continue;
    copy[key] = key === 'properties' ? mapValues(value as Schema) : toJsonSchema(value);
  }
  if (source.type === 'object' && source.additionalProperties === undefined)
    copy.additionalProperties = false;
  const required = [...((source.required as string[] | undefined) ?? []), ...defaulted(source)];
  if (required.length > 0) copy.required = [...new Set(required)];
  return copy;
}

/** What the API server fills in is always there when a controller reads the object, so its type says so. */
function defaulted(source: Schema): string[] {
  const properties = (source.properties ?? {}) as Record<string, Schema>;
  return Object.keys(properties).filter((name) => properties[name]?.default !== undefined);
}

function mapValues(properties: Schema): Schema {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, toJsonSchema(schema)]));
}

/** The types of one kind, from its file in `crds/`: `<Kind>Spec` and, where it has a status, `<Kind>Status`. */
export async function generateTypes(file: string, text: string): Promise<string> {
  const crd = load(text) as Crd;
  const schema = crd.spec.versions[0]?.schema.openAPIV3Schema;
  if (schema === undefined) throw new Error(`${file}: has no version with a schema`);
  const properties = schema.properties as Record<string, JSONSchema>;
  const parts = await Promise.all(
    ['spec', 'status']
      .filter((part) => part in properties)
      .map((part) =>
        compile(
          toJsonSchema(properties[part]) as JSONSchema,
          `${crd.spec.names.kind}${part === 'spec' ? 'Spec' : 'Status'}`,
          {
            bannerComment: '',
            format: false,
            additionalProperties: false,
          },
        ),
      ),
  );
  return `// Generated from crds/${basename(file)} by \`npm run generate\`. Do not edit.\n\n${parts.join('\n')}`;
}
