import type { ServiceDeployment, Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';

/** namespace/name of the template of an appliance. */
export function templateKeyOf({ metadata, spec }: VirtualAppliance): string {
  return keyOf({ name: spec.template.name, namespace: spec.template.namespace ?? metadata.namespace });
}

/**
 * namespace/name of the template that this one is a layer on, by its spec or by the appliance that it was made of; null for a template
 * without a parent.
 */
export function parentKey({ metadata, spec, status }: Template): string | null {
  const parent = spec.source.parent ?? status?.parent;
  return parent === undefined
    ? null
    : keyOf({ name: parent.name, namespace: parent.namespace ?? metadata.namespace });
}

/** namespace/name of the appliance that a template is made of. */
export function sealedKey({ metadata, spec }: Template): string | undefined {
  const { appliance } = spec.source;
  return appliance && keyOf({ name: appliance.name, namespace: metadata.namespace });
}

/** namespace/name of each template that a task names, or has chosen for a service. */
export function templateKeysOf({ metadata, spec, status }: ServiceDeployment): string[] {
  const named = spec.services.flatMap(({ template: { name, namespace = metadata.namespace } }) =>
    name === undefined ? [] : keyOf({ name, namespace }),
  );
  return [...new Set([...named, ...(status?.services ?? []).flatMap(({ template }) => template ?? [])])];
}

/** namespace/name of the TemplateLabel by which a service of a task in that namespace asks for a template. */
export function labelKey(
  { label, namespace }: { readonly label?: string; readonly namespace?: string },
  own: string | undefined,
): string | undefined {
  return label === undefined ? undefined : keyOf({ name: label, namespace: namespace ?? own });
}
