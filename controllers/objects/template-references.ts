import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';

/** Whether objects of a namespace may use the template (`spec.sharing`). */
export function isSharedWith({ metadata, spec }: Template, namespace: string | undefined): boolean {
  if (metadata.namespace === namespace) return true;
  switch (spec.sharing.scope) {
    case 'Cluster':
      return true;
    case 'Namespaces':
      return namespace !== undefined && (spec.sharing.namespaces ?? []).includes(namespace);
    case 'Namespace':
      return false;
  }
}

/** namespace/name of the template of an appliance. */
export function templateKeyOf({ metadata, spec }: VirtualAppliance): string {
  return keyOf({ name: spec.template.name, namespace: spec.template.namespace ?? metadata.namespace });
}

/** namespace/name of the template that this one is a layer on; null for a template without a parent. */
export function parentKey({ metadata, spec }: Template): string | null {
  const { parent } = spec.source;
  return parent === undefined
    ? null
    : keyOf({ name: parent.name, namespace: parent.namespace ?? metadata.namespace });
}
