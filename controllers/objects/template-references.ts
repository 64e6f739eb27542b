import type { ServiceDeployment, Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { type WholeTemplate, wholeTemplate } from '../../src/domain/templates/inherit.ts';

/** namespace/name of the template of an appliance. */
export function templateKeyOf({ metadata, spec }: VirtualAppliance): string {
  return keyOf({ name: spec.template.name, namespace: spec.template.namespace ?? metadata.namespace });
}

/** namespace/name of the template that an appliance's disk stands on: its own, or the one whose memory it was to continue from. */
export function grownFromKey(appliance: VirtualAppliance): string {
  const { template } = appliance.status?.start ?? {};
  if (template === undefined) return templateKeyOf(appliance);
  return keyOf({ name: template, namespace: appliance.metadata.namespace });
}

/** namespace/name of each template that an appliance uses. */
export function usedTemplateKeys(appliance: VirtualAppliance): string[] {
  return [...new Set([templateKeyOf(appliance), grownFromKey(appliance)])];
}

/**
 * namespace/name of the template that this one is a layer on, by its spec, by the choice of one of a series, or by the appliance that it was made of; null for a template
 * without a parent.
 */
export function parentKey({ metadata, spec, status }: Template): string | null {
  const { name, namespace } = spec.source.parent ?? {};
  const parent = name === undefined ? status?.parent : { name, namespace: namespace ?? metadata.namespace };
  return parent === undefined ? null : keyOf(parent);
}

/** namespace/name of the appliance that a template is made of, or built in. */
export function sealedKey({ metadata, spec }: Template): string | undefined {
  const { appliance, build } = spec.source;
  const name = build === undefined ? appliance?.name : buildApplianceName(metadata.name);
  return name && keyOf({ name, namespace: metadata.namespace });
}

/** namespace/name of the template whose layers become one in this template. */
export function flattenedKey({ metadata, spec }: Template): string | undefined {
  const { name, namespace = metadata.namespace } = spec.source.flattened ?? {};
  return name && keyOf({ name, namespace });
}

/** The name of the appliance in which a template is built. */
export function buildApplianceName(template: string): string {
  return `${template}-build`;
}

/** A template with what it has from its parents. @param find by namespace/name */
export function wholeTemplateOf(
  template: Template,
  find: (key: string) => Template | undefined,
): WholeTemplate {
  return wholeTemplate(template, (child) => find(parentKey(child) ?? ''));
}

/** namespace/name of each template that a task names, or has chosen for a service. */
export function templateKeysOf({ metadata, spec, status }: ServiceDeployment): string[] {
  const named = spec.services.flatMap(({ template: { name, namespace = metadata.namespace } }) =>
    name === undefined ? [] : keyOf({ name, namespace }),
  );
  return [...new Set([...named, ...(status?.services ?? []).flatMap(({ template }) => template ?? [])])];
}

/** namespace/name of the task whose image a template is; undefined for a template that no recall kept. */
export function recalledKey({ metadata: { namespace }, spec: { recalled } }: Template): string | undefined {
  return recalled && keyOf({ namespace, name: recalled.task });
}

/** Whether the task starts again from this image: that of its service's last recall, or of one that goes on. */
export function isImageOf(template: Template, task: ServiceDeployment | undefined): boolean {
  const { recalled } = template.spec;
  if (recalled === undefined || task === undefined || recalledKey(template) !== keyOf(task)) return false;
  const { recall = 0 } = task.status?.services?.find(({ name }) => name === recalled.service) ?? {};
  return recalled.recall >= recall;
}

/** namespace/name of the TemplateLabel by which a service of a task in that namespace asks for a template. */
export function labelKey(
  { label, namespace }: { readonly label?: string; readonly namespace?: string },
  own: string | undefined,
): string | undefined {
  return label === undefined ? undefined : keyOf({ name: label, namespace: namespace ?? own });
}
