import { META_FIELDS, type Resource } from '../registry/resource.ts';
import { parseFieldSelector } from '../selectors/field-selector.ts';
import { parseLabelSelector } from '../selectors/label-selector.ts';
import type { KubeObject } from '../types.ts';

/** The objects of a resource that a list, watch or deletecollection selects. */
export interface Selection {
  /** Prefix of the keys: `namespace/`, or '' for all. */
  readonly prefix: string;
  /** Undefined when the selectors match everything. */
  readonly matches: ((object: KubeObject) => boolean) | undefined;
}

/** kube's message for an unknown selectable field; built-in kinds without selectable fields of their own have a general one. */
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
