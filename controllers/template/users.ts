import type { ServiceDeployment, Template } from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { keyOf } from '../../src/base/object.ts';
import type { Caches } from '../context.ts';
import { BY_PARENT, BY_TASK, BY_TEMPLATE } from '../indexes.ts';
import { isForCheckpointOf } from '../objects/checkpoints.ts';
import { isImageOf, recalledKey, templateKeysOf } from '../objects/template-references.ts';
import { type ControllerDefinition, changesOf } from '../sources.ts';
import type { Use } from './life.ts';

/** Who uses a template, by the caches. */
export function useOf(template: Template, caches: Caches): Use {
  const key = keyOf(template);
  const appliances = caches.appliances.byIndex(BY_TEMPLATE, key);
  const children = caches.templates
    .byIndex(BY_PARENT, key)
    .filter((child) => !isForCheckpointOf(child, template));
  const holders = [children, caches.deployments.byIndex(BY_TEMPLATE, key)];
  const isImage = isImageOf(template, caches.deployments.get(recalledKey(template) ?? ''));
  return {
    created: appliances.flatMap(({ metadata }) => metadata.creationTimestamp ?? []),
    isHeld: isImage || holders.some(({ length }) => length > 0),
  };
}

/** The templates that a task comes to use, or ceases to. */
export function tasksSource({ deployments, templates }: Caches): ControllerDefinition['sources'][number] {
  return changesOf(deployments, (old, current) => {
    const [before, now] = [usesOf(old), usesOf(current)];
    const task = current ?? old;
    if (task === undefined || isSameJson(before, now)) return [];
    const images = templates.byIndex(BY_TASK, keyOf(task)).map((image) => keyOf(image));
    return [...new Set([...before.templates, ...now.templates, ...images])];
  });
}

/** What templates a task names or has chosen, and the recalls whose images it starts again from. */
function usesOf(task: ServiceDeployment | undefined) {
  if (task === undefined) return { templates: [] };
  const recalls = (task.status?.services ?? []).map(({ name, recall }) => [name, recall]);
  return { templates: templateKeysOf(task), recalls };
}
