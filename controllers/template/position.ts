import type { Template } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { parentChain } from '../../src/domain/templates/tree.ts';
import { isSharedWith, parentKey } from '../objects/template-references.ts';
import type { Obstacle } from '../obstacles/obstacle.ts';
import { templateObstacles } from '../obstacles/templates.ts';

/**
 * The position of a template in the tree (SO-MVDS 3.1): its depth, 1 for a template without a parent; or what other templates
 * show to be wrong with it.
 */
export type Position = { readonly depth: number } | { readonly obstacle: Obstacle };

/** @param find by namespace/name */
export function positionOf(template: Template, find: (key: string) => Template | undefined): Position {
  const own = keyOf(template);
  const at = (key: string) => (key === own ? template : find(key));
  const result = parentChain(own, (key) => {
    const one = at(key);
    return one === undefined ? undefined : parentKey(one);
  });
  if (result.problem !== undefined) return { obstacle: templateObstacles.chain(result.problem) };
  const obstacle = unsharedParent(template, at) ?? missingImage(template);
  return obstacle === undefined ? { depth: result.chain.length } : { obstacle };
}

function unsharedParent(
  template: Template,
  find: (key: string) => Template | undefined,
): Obstacle | undefined {
  const key = parentKey(template);
  const parent = key === null ? undefined : find(key);
  const { namespace } = template.metadata;
  if (parent === undefined || isSharedWith(parent, namespace)) return undefined;
  return templateObstacles.parentNotShared(keyOf(parent), namespace);
}

function missingImage(template: Template): Obstacle | undefined {
  return template.spec.source.parent === undefined ? undefined : templateObstacles.noImage(keyOf(template));
}
