import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { controllerOf, keyOf } from '../../src/base/object.ts';
import type { OperatorContext } from '../context.ts';
import { BY_DIGEST, BY_LAYER, BY_PARENT, BY_SEALED, BY_UID } from '../indexes.ts';
import { isForCheckpoint } from '../objects/checkpoints.ts';
import { digestsOf } from '../objects/template-files.ts';
import { parentKey, usedTemplateKeys } from '../objects/template-references.ts';
import { type ControllerDefinition, changesOf, viewsSource } from '../sources.ts';
import { tasksSource } from './users.ts';

/** A reconcile goes over all appliances of a template: while many come and go, one reconcile handles several changes. */
const GATHER_MS = 500;

/** What concerns a template: itself, its children, its appliances and tasks, and what hosts have of it. */
export function templateSources({
  caches,
  views,
}: Pick<OperatorContext, 'caches' | 'views'>): ControllerDefinition['sources'] {
  const keysOf = (index: string, value: string) =>
    caches.templates.byIndex(index, value).map((one) => keyOf(one));
  const all = () => caches.templates.list().map((one) => keyOf(one));
  return [
    changesOf(caches.templates, (old, current) => {
      const changed = current ?? old;
      if (changed === undefined) return [];
      // Its children wait until it exists, its parent until it is gone.
      const key = keyOf(changed);
      const sharing = [old, current].flatMap((one) =>
        one === undefined ? [] : digestsOf(one).flatMap((digest) => keysOf(BY_DIGEST, digest)),
      );
      const [before, now] = [parents(old), parents(current)];
      const others = old?.metadata.generation === current?.metadata.generation ? [] : sharing;
      return [
        ...new Set([key, ...keysOf(BY_PARENT, key), ...others]),
        // A parent with children is used.
        ...(isSameJson(before, now) ? [] : [...before, ...now]),
      ];
    }),
    changesOf(
      caches.appliances,
      (old, current) => {
        const [before, now] = [old, current].map((one) => (one === undefined ? [] : usedTemplateKeys(one)));
        return isSameJson(before, now) ? [] : [...new Set([...(before ?? []), ...(now ?? [])])];
      },
      () => GATHER_MS,
    ),
    // Of the checkpoints that it keeps.
    ...[changesOf(caches.appliances, keeperOf), changesOf(caches.templates, keeperOf)],
    // What becomes an image has no appliances yet, and somebody waits for it.
    changesOf(caches.appliances, (old, current) => {
      const appliance = current ?? old;
      return appliance === undefined ? [] : keysOf(BY_SEALED, keyOf(appliance));
    }),
    viewsSource(views, ({ kind, ids }) => (kind === 'seal' ? ids.flatMap((uid) => keysOf(BY_UID, uid)) : [])),
    tasksSource(caches),
    changesOf(caches.hosts, (old, current) => (old === undefined || current === undefined ? all() : [])),
    viewsSource(
      views,
      ({ kind, ids }) => {
        if (kind === 'import') return ids.flatMap((digest) => keysOf(BY_DIGEST, digest));
        if (kind === 'layer') return ids.flatMap((identity) => keysOf(BY_LAYER, identity));
        return kind === 'link' ? all() : [];
      },
      GATHER_MS,
    ),
  ];
}

/** The template for whose checkpoint this is made. */
function keeperOf(
  old: Template | VirtualAppliance | undefined,
  current: Template | VirtualAppliance | undefined,
): string[] {
  const object = current ?? old;
  const owner = object && isForCheckpoint(object) ? controllerOf(object) : undefined;
  return owner === undefined ? [] : [keyOf({ name: owner.name, namespace: object?.metadata.namespace })];
}

function parents(template: Template | undefined): string[] {
  const parent = template === undefined ? null : parentKey(template);
  return parent === null ? [] : [parent];
}
