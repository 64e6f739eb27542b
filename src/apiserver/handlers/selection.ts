import { META_FIELDS, type Resource } from '../registry/resource.ts';
import { fieldMatcher } from '../selectors/field-selector.ts';
import { ApiError } from '../status-errors.ts';
import type { KubeObject } from '../types.ts';
import type { ResourceRequest } from './context.ts';

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

/** What a request selects; throws 400 when its selectors are malformed. */
export function selectionOf({ resource, namespace, selectors }: ResourceRequest): Selection {
  if (selectors instanceof ApiError) throw selectors;
  const { labels } = selectors;
  const fields = fieldMatcher(selectors.fields, resource.selectable, (field) =>
    unknownField(resource, field),
  );
  const prefix = resource.namespaced && namespace !== undefined ? `${namespace}/` : '';
  if (labels === undefined && fields === undefined) return { prefix, matches: undefined };
  const matches = (object: KubeObject): boolean =>
    (labels?.(object.metadata.labels) ?? true) && (fields?.(object) ?? true);
  return { prefix, matches };
}
