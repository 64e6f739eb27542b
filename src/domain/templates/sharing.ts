import type { Template } from '../../api/kinds.ts';

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
