import { META_FIELDS, type Resource } from '../registry/resource.ts';
import { parseFieldSelector } from '../selectors/field-selector.ts';
import { parseLabelSelector } from '../selectors/label-selector.ts';
import type { KubeObject } from '../types.ts';

/** Which objects of a resource a list, a watch or a deletecollection is about. */
export interface Selection {
  /** Start of the keys: `namespace/`, or '' for all. */
  readonly prefix: string;
  /** undefined when the selectors let everything through. */
  readonly matches: ((object: KubeObject) => boolean) | undefined;
}

/** Built-in kinds without fields of their own have kube's general words for one that they lack. */
function unknownField(resource: Resource, field: string): string | undefined {
  const names = Object.keys(resource.selectable);
  if (resource.custom || names.length > Object.keys(META_FIELDS).length) return undefined;
  const known = names.map((name) => JSON.stringify(name)).join(', ');
  return `${JSON.stringify(field)} is not a known field selector: only ${known}`;
}

/** Reads the selectors of a request; throws 400 when they are malformed. */
export function selectionOf(
  resource: Resource,
  namespace: string | undefined,
  query: URLSearchParams,
  name: string | undefined,
): Selection {
  const labels = parseLabelSelector(query.get('labelSelector') ?? undefined);
  const fields = parseFieldSelector(query.get('fieldSelector') ?? undefined, resource.selectable, (field) =>
    unknownField(resource, field),
  );
  const prefix = resource.namespaced && namespace !== undefined ? `${namespace}/` : '';
  if (labels === undefined && fields === undefined && name === undefined)
    return { prefix, matches: undefined };
  const matches = (object: KubeObject): boolean =>
    (name === undefined || object.metadata.name === name) &&
    (labels?.(object.metadata.labels) ?? true) &&
    (fields?.matches(object) ?? true);
  return { prefix, matches };
}
