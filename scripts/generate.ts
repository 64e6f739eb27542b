/**
 * Generates what is derived from `crds/`: TypeScript types in `src/api/generated/`, one file a kind.
 * `--check` writes nothing and exits with 1, naming the files, when what is checked in is not what would be written.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { load } from 'js-yaml';
import { compile, type JSONSchema } from 'json-schema-to-typescript';

type Schema = Record<string, unknown>;
type Crd = {
  readonly spec: {
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
};

const root = join(import.meta.dirname, '..');
const target = join(root, 'src/api/generated');

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

/** The types of one kind: `<Kind>Spec` and, where it has a status, `<Kind>Status`. */
async function generateTypes(file: string): Promise<string> {
  const crd = load(await readFile(file, 'utf8')) as Crd;
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

async function generateAll(): Promise<Map<string, string>> {
  const crds = (await readdir(join(root, 'crds'))).filter((name) => name.endsWith('.yaml')).sort();
  const outputs = new Map<string, string>();
  for (const name of crds) {
    outputs.set(join(target, name.replace(/\.yaml$/, '.ts')), await generateTypes(join(root, 'crds', name)));
  }
  return outputs;
}

async function staleFiles(outputs: ReadonlyMap<string, string>): Promise<string[]> {
  const stale: string[] = [];
  for (const [file, text] of outputs) {
    const found = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (found !== text) stale.push(file);
  }
  return stale;
}

const outputs = await generateAll();
const stale = await staleFiles(outputs);
if (process.argv.includes('--check')) {
  for (const file of stale) console.error(`${file} is not up to date: run npm run generate`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  await mkdir(target, { recursive: true });
  for (const file of stale) await writeFile(file, outputs.get(file) ?? '');
  console.log(`${stale.length} of ${outputs.size} files written`);
}
