/** Views of OpenAPI documents: what of them must be the same on both servers. */

/** Of gates that are closed, of etcd, and where kube-apiserver alone says what can be selected by. */
const KUBE_ONLY = [
  'shardSelector',
  'shardInfo',
  'ignoreStoreReadErrorWithClusterBreakingPotential',
  'x-kubernetes-selectable-fields',
];
const SHARDS = 'io.k8s.apimachinery.pkg.apis.meta.v1.ShardInfo';

interface Document {
  readonly info?: object;
  readonly paths?: Readonly<Record<string, unknown>>;
  readonly components?: { readonly schemas: Readonly<Record<string, { readonly properties?: object }>> };
}

/**
 * A document without what is said otherwise in it: the title; of the operations, of lists and of embedded types the
 * descriptions and defaults; of Kubernetes' own types all but the names of their fields; the fields that can be selected by.
 * What we say of our own kinds stays.
 */
export function kindsOnly(document: unknown): unknown {
  const { paths = {}, components, info: _, ...rest } = document as Document;
  const { [SHARDS]: _shards, ...served } = components?.schemas ?? {};
  const schemas = Object.entries(served).map(([name, schema]) => {
    if (name.startsWith('io.k8s.')) return [name, fieldsOf(schema.properties)];
    const isOurs = name.startsWith('dev.coppice.') && !name.endsWith('List');
    return [name, isOurs ? ofKind(schema) : withoutWords(schema)];
  });
  return { ...rest, paths: withoutWords(paths), schemas: Object.fromEntries(schemas) };
}

function fieldsOf(properties: object = {}): string[] {
  return Object.keys(properties).filter((name) => !KUBE_ONLY.includes(name));
}

function ofKind(schema: unknown): unknown {
  const { 'x-kubernetes-selectable-fields': _, properties, ...rest } = schema as Record<string, unknown>;
  const { spec, status, ...common } = properties as Record<string, unknown>;
  return { ...rest, properties: { ...(withoutWords(common) as object), spec, status } };
}

/** Parameters have no order; a path without any may say so, or not. */
function withoutWords(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutWords);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key, item]) => {
    const isWord = typeof item === 'string' && key === 'description';
    const isDefault = key === 'default' && (item === 0 || typeof item === 'object');
    const isNone = key === 'parameters' && Array.isArray(item) && item.length === 0;
    return !(isWord || isDefault || isNone || KUBE_ONLY.includes(key));
  });
  return Object.fromEntries(
    kept.map(([key, item]) => [key, key === 'parameters' ? sorted(withoutWords(item)) : withoutWords(item)]),
  );
}

function sorted(parameters: unknown): unknown {
  if (!Array.isArray(parameters)) return parameters;
  const ours = (parameters as { name: string }[]).filter(({ name }) => !KUBE_ONLY.includes(name));
  return ours.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** Which of the documents that an index names are of those groups, their hashes apart. */
export function indexOf(...groups: readonly string[]) {
  return (body: unknown): unknown => {
    const { paths } = JSON.parse(String(body)) as { paths: Record<string, { serverRelativeURL: string }> };
    return Object.entries(paths)
      .filter(([path]) => groups.some((group) => path.includes(group)))
      .map(([path, { serverRelativeURL }]) => [
        path,
        serverRelativeURL.replace(/hash=[0-9A-F]{128}$/, 'hash=HASH'),
      ])
      .toSorted();
  };
}
