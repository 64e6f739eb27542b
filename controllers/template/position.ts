import type { Template } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import { isSharedWith } from '../../src/domain/templates/sharing.ts';
import { parentChain } from '../../src/domain/templates/tree.ts';
import { parentKey } from '../objects/template-references.ts';
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
  const isKnown = (key: string) => {
    const one = find(key);
    return key === own || (one !== undefined && isSharedWith(one, template.metadata.namespace));
  };
  // A parent that is not shared with its child looks like one that does not exist.
  let child = template;
  const result = parentChain(
    own,
    (key) => {
      const one = key === own ? template : find(key);
      // An appliance that stands on its template goes on to do so though the template is no longer shared; so does its layer.
      const isByRight =
        one !== undefined && (isMadeOfAppliance(child) || isSharedWith(one, child.metadata.namespace));
      if (!isByRight) return undefined;
      child = one;
      return parentKey(one);
    },
    isKnown,
  );
  if (result.problem !== undefined) return { obstacle: templateObstacles.chain(result.problem) };
  return { depth: result.chain.length };
}

function isMadeOfAppliance({ spec: { source } }: Template): boolean {
  return source.appliance !== undefined;
}
